// The same rows shared, unshared, alone, on one and on two threads, captured or not: fails when a bit differs.
#include <cstring>

#include <fuzzer/FuzzedDataProvider.h>

#include "embscope/base/threads.h"
#include "embscope/forward/transformer.h"
#include "forward/plan.h"
#include "input.h"

namespace embscope::fuzz {
namespace {

Site any_site(FuzzedDataProvider& recipe, const Config& config) {
  const auto list = sites(config);
  const Point point = list[recipe.ConsumeIntegralInRange<std::size_t>(0, list.size() - 1)].point;
  return {point, in_block(point) ? recipe.ConsumeIntegralInRange(0, static_cast<int>(config.blocks) - 1) : -1};
}

std::vector<std::vector<TokenId>> any_rows(FuzzedDataProvider& recipe, const Config& config) {
  std::vector<std::vector<TokenId>> rows(recipe.ConsumeIntegralInRange<std::size_t>(1, 5));
  for (auto& row : rows) {
    if (&row != rows.data() && recipe.ConsumeBool()) row = rows[0];  // shares a beginning, or the whole text
    if (!row.empty()) row.resize(recipe.ConsumeIntegralInRange<std::size_t>(1, row.size()));
    for (int more = recipe.ConsumeIntegralInRange(row.empty() ? 1 : 0, 6); more > 0; --more)
      row.push_back(recipe.ConsumeIntegralInRange<TokenId>(0, static_cast<TokenId>(config.vocab) - 1));
  }
  return rows;
}

Edit any_edit(FuzzedDataProvider& recipe, const Config& config, std::size_t rows) {
  Edit edit;
  edit.site = any_site(recipe, config);
  const bool map = is_attention_map(edit.site.point);
  edit.change = static_cast<Change>(recipe.ConsumeIntegralInRange(0, 8));
  edit.amount = static_cast<float>(recipe.ConsumeIntegralInRange(-40, 40)) / 16;
  edit.low = -0.5f, edit.high = 0.25f;
  edit.seed = recipe.ConsumeIntegral<std::uint8_t>();
  const std::int64_t width = map || recipe.ConsumeBool() ? 1 : site_shape(edit.site, config).total();
  for (std::int64_t i = 0; i < width; ++i)
    edit.vector.push_back(static_cast<float>(recipe.ConsumeIntegral<std::int8_t>()) / 32);
  if (recipe.ConsumeBool()) edit.rows = {recipe.ConsumeIntegralInRange(0, static_cast<int>(rows) - 1)};
  if (recipe.ConsumeBool()) edit.positions = {recipe.ConsumeBool() ? -1 : 0};
  return edit;
}

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0);
}

void expect_same(const RowResult& a, const RowResult& b, const char* what) {
  hold(same(a.logits, b.logits), fmt::format("logits differ: {}", what));
  for (std::size_t i = 0; i < std::min(a.captured.size(), b.captured.size()); ++i)
    hold(same(a.captured[i], b.captured[i]), fmt::format("capture {} differs: {}", i, what));
}

// The row alone, with the edits that meet it.
Request alone(const Request& request, std::size_t row) {
  Request one = request;
  one.rows = {request.rows[row]};
  std::erase_if(one.edits, [&](const Edit& e) { return !e.rows.empty() && e.rows[0] != static_cast<int>(row); });
  for (Edit& e : one.edits) e.rows.clear();
  return one;
}

void check(const Transformer& transformer, const Request& request) {
  set_threads(1);
  const Result shared = transformer.run(request);
  Request other = request;
  other.share = false;
  const Result unshared = transformer.run(other);
  other.capture.clear();
  set_threads(2);
  const Result bare = transformer.run(other);
  set_threads(1);
  for (std::size_t r = 0; r < request.rows.size(); ++r) {
    expect_same(shared.rows[r], unshared.rows[r], "shared and unshared");
    expect_same(shared.rows[r], bare.rows[r], "captured and not, one and two threads");
    expect_same(shared.rows[r], transformer.run(alone(request, r)).rows[0], "in a batch and alone");
  }
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embscope;
  using namespace embscope::fuzz;
  static const Transformer models[] = {Transformer(Model::open(EMBSCOPE_TEST_DATA "/reference/tiny-gpt2")),
                                       Transformer(Model::open(EMBSCOPE_TEST_DATA "/reference/tiny-llama"))};
  FuzzedDataProvider recipe(data, size);
  const Transformer& transformer = models[recipe.ConsumeIntegralInRange(0, 1)];
  Request request;
  request.rows = any_rows(recipe, transformer.config());
  request.logits = recipe.ConsumeBool() ? LogitsAt::last : LogitsAt::all;
  for (int n = recipe.ConsumeIntegralInRange(0, 3); n > 0; --n)
    request.capture.push_back(any_site(recipe, transformer.config()));
  for (int n = recipe.ConsumeIntegralInRange(0, 3); n > 0; --n)
    request.edits.push_back(any_edit(recipe, transformer.config(), request.rows.size()));
  works_or_is_refused([&] { check(transformer, request); });
  return 0;
}
