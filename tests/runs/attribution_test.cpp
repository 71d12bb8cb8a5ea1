// Direct logit attribution: the parts add up to the logit, and each is what its definition says.
#include "embscope/runs/attribution.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "embscope/runs/predict.h"
#include "refusal.h"
#include "runs/reference_run.h"

namespace embscope {
namespace {

class Attribution : public ReferenceRun {
 protected:
  const Weights& weights() const { return transformer_.model().weights(); }

  AttributionResult attribute_to(TokenId target, int position = -1, std::optional<TokenId> against = {}) const {
    AttributionRequest r;
    r.ids = text;
    r.target = target, r.against = against, r.position = position;
    return attribute(transformer_, r);
  }

  // u . (gain * (x - mean(x)) / scale), from the formula: the share of a vector of the residual stream.
  double share(std::span<const float> x, TokenId target, double scale) const {
    std::vector<float> u(x.size());
    weights().unembed.row(target, u.data());
    const Tensor gain = weights().ln_final.gain.values();
    double mean = 0, sum = 0;
    for (float v : x) mean += config().norm == NormKind::layer ? static_cast<double>(v) / x.size() : 0;
    for (std::size_t d = 0; d < x.size(); ++d)
      sum += static_cast<double>(u[d]) * gain.values()[d] * (x[d] - mean) / scale;
    return sum;
  }
};

double value_of(const Table& parts, std::string_view part, double block = NAN) {
  double sum = 0;
  for (std::size_t i = 0; i < parts.rows(); ++i) {
    const double b = parts.column("block").numbers()[i];
    if (parts.column("part").texts()[i] == part && (std::isnan(block) ? std::isnan(b) : b == block))
      sum += parts.column("value").numbers()[i];
  }
  return sum;
}

TEST_P(Attribution, parts_sum_to_the_logit_at_any_position_and_for_any_token) {
  const Tensor logits = std::move(run().rows[0].logits);
  for (int position : {0, 6, 12}) {
    for (TokenId target = 0; target < config().vocab; target += 4) {
      const AttributionResult result = attribute_to(target, position);
      ASSERT_EQ(result.logit, static_cast<double>(logits.row(position)[static_cast<std::size_t>(target)]));
      double sum = 0;
      for (double value : result.parts.column("value").numbers()) sum += value;
      ASSERT_EQ(result.sum, sum);
      ASSERT_NEAR(sum, result.logit, 1e-3 * std::max(0.01, std::abs(result.logit))) << "token " << target;
    }
  }
}

TEST_P(Attribution, there_is_a_part_for_everything_the_model_has) {
  const AttributionResult result = attribute_to(7);
  std::size_t expected = 1 + (config().position == PositionKind::learned) + !weights().ln_final.bias.empty();
  for (const BlockWeights& block : weights().blocks)
    expected += static_cast<std::size_t>(config().heads) + 1 + !block.o.bias.empty();
  EXPECT_EQ(result.parts.rows(), expected);
}

TEST_P(Attribution, every_part_is_the_share_of_its_vector) {
  std::vector<Site> sites = {{Point::wte, -1}, {Point::ln_final_scale, -1}};
  for (int b = 0; b < config().blocks; ++b) sites.insert(sites.end(), {{Point::attn_out, b}, {Point::mlp_out, b}});
  if (config().position == PositionKind::learned) sites.push_back({Point::wpe, -1});
  const Result captured = run(sites);
  const int position = 9;
  const TokenId target = 42;
  const auto at = [&](std::size_t i) { return captured.rows[0].captured[i].row(position); };
  const double scale = static_cast<double>(at(1)[0]);
  const AttributionResult result = attribute_to(target, position);
  EXPECT_EQ(result.scale, scale);
  EXPECT_NEAR(value_of(result.parts, "wte"), share(at(0), target, scale), 1e-9);
  if (config().position == PositionKind::learned) {
    EXPECT_NEAR(value_of(result.parts, "wpe"), share(at(sites.size() - 1), target, scale), 1e-9);
  }
  for (int b = 0; b < config().blocks; ++b) {
    const auto i = static_cast<std::size_t>(2 + 2 * b);
    const double attention = value_of(result.parts, "head", b) + value_of(result.parts, "attn_bias", b);
    EXPECT_NEAR(attention, share(at(i), target, scale), 1e-5);  // attn_out itself is a sum in fp32
    EXPECT_NEAR(value_of(result.parts, "mlp", b), share(at(i + 1), target, scale), 1e-9);
  }
}

TEST_P(Attribution, the_bias_of_the_final_norm_is_a_part_of_its_own) {
  const AttributionResult result = attribute_to(42);
  const auto& names = result.parts.column("part").texts();
  ASSERT_EQ(std::ranges::count(names, "ln_final_bias"), weights().ln_final.bias.empty() ? 0 : 1);
  if (weights().ln_final.bias.empty()) return;
  std::vector<float> u(static_cast<std::size_t>(config().width));
  weights().unembed.row(42, u.data());
  const Tensor bias = weights().ln_final.bias.values();
  double sum = 0;
  for (std::size_t d = 0; d < u.size(); ++d) sum += static_cast<double>(u[d]) * static_cast<double>(bias.values()[d]);
  EXPECT_NEAR(value_of(result.parts, "ln_final_bias"), sum, 1e-15);
}

// A head's part is what vanishes from the logit, the scale held fast, when that head's z is set to zero in the last
// block.
TEST_P(Attribution, a_head_of_the_last_block_is_what_its_removal_takes_away) {
  const int last = static_cast<int>(config().blocks) - 1;
  const AttributionResult result = attribute_to(42);
  const Result whole = run({{Point::attn_out, last}});
  for (int head = 0; head < config().heads; ++head) {
    Request request;
    request.rows = {text};
    request.capture = {{Point::attn_out, last}};
    Edit edit;
    edit.site = {Point::z, last};
    edit.change = Change::zero;
    edit.heads = {head};
    request.edits = {edit};
    const Result without = transformer_.run(request);
    const auto a = whole.rows[0].captured[0].row(12), b = without.rows[0].captured[0].row(12);
    std::vector<float> difference(a.size());
    for (std::size_t d = 0; d < a.size(); ++d) difference[d] = a[d] - b[d];
    const auto& parts = result.parts;
    for (std::size_t i = 0; i < parts.rows(); ++i) {
      if (parts.column("block").numbers()[i] != last || parts.column("head").numbers()[i] != head) continue;
      EXPECT_NEAR(parts.column("value").numbers()[i], share(difference, 42, result.scale), 1e-5);
    }
  }
}

TEST_P(Attribution, against_another_token_is_the_difference) {
  const AttributionResult a = attribute_to(42), b = attribute_to(7), both = attribute_to(42, -1, 7);
  EXPECT_DOUBLE_EQ(both.logit, a.logit - b.logit);
  for (std::size_t i = 0; i < both.parts.rows(); ++i)
    EXPECT_NEAR(both.parts.column("value").numbers()[i],
                a.parts.column("value").numbers()[i] - b.parts.column("value").numbers()[i], 1e-9);
}

TEST_P(Attribution, sorted_is_the_same_parts_largest_first) {
  AttributionRequest r;
  r.ids = text;
  r.sorted = true;
  const AttributionResult sorted = attribute(transformer_, r);
  EXPECT_EQ(sorted.target, top(run().rows[0].logits.row(12), 1)[0]);
  auto values = sorted.parts.column("value").numbers();
  EXPECT_TRUE(std::ranges::is_sorted(values, [](double a, double b) { return std::abs(a) > std::abs(b); }));
  auto plain = attribute_to(sorted.target).parts.column("value").numbers();
  std::ranges::sort(values), std::ranges::sort(plain);
  EXPECT_EQ(values, plain);
}

TEST_P(Attribution, mistakes_are_refused) {
  const auto code = [&](auto change) {
    AttributionRequest r;
    r.ids = text;
    change(r);
    return code_of([&] { attribute(transformer_, r); });
  };
  EXPECT_EQ(code([](AttributionRequest& r) { r.ids.clear(); }), Code::usage);
  EXPECT_EQ(code([](AttributionRequest& r) { r.position = 13; }), Code::range);
  EXPECT_EQ(code([](AttributionRequest& r) { r.position = -14; }), Code::range);
  EXPECT_EQ(code([](AttributionRequest& r) { r.target = 100000; }), Code::range);
  EXPECT_EQ(code([](AttributionRequest& r) { r.against = -1; }), Code::range);
  EXPECT_EQ(code([](AttributionRequest& r) { r.target = r.against = 3; }), Code::usage);
  EXPECT_EQ(code([](AttributionRequest& r) { r.ids.assign(65, 1); }), Code::range);
}

INSTANTIATE_TEST_SUITE_P(tiny, Attribution,
                         ::testing::Values("tiny-gpt2", "tiny-gpt2-relu", "tiny-llama", "tiny-llama/tiny-llama.gguf",
                                           "tiny-llama-bf16"),
                         [](const auto& c) {
                           std::string name(c.param);
                           std::ranges::replace_if(
                               name, [](char x) { return std::isalnum(x) == 0; }, '_');
                           return name;
                         });

}  // namespace
}  // namespace embscope
