// The plan shares, splits, prunes and stops early; none of it may change a bit.
#include <cstring>
#include <random>

#include <gtest/gtest.h>

#include "embscope/forward/transformer.h"
#include "forward/plan.h"

namespace embscope {
namespace {

struct Case {
  const char* model;
  const char* file;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.model; }

class Plans : public ::testing::TestWithParam<Case> {
 protected:
  Transformer transformer{Model::open(std::string(EMBSCOPE_TEST_DATA) + "/reference/" + GetParam().file)};
  std::mt19937 random{20240607};

  int upto(int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); }
  float value() { return static_cast<float>(upto(2001) - 1000) / 500; }

  Site any_site() {
    const auto list = sites(transformer.config());
    const Point point = list[static_cast<std::size_t>(upto(static_cast<int>(list.size())))].point;
    return {point, in_block(point) ? upto(static_cast<int>(transformer.config().blocks)) : -1};
  }

  // Rows that share beginnings, and now and then a whole text.
  std::vector<std::vector<TokenId>> any_rows() {
    std::vector<std::vector<TokenId>> rows(static_cast<std::size_t>(1 + upto(6)));
    for (auto& row : rows) {
      if (&row != &rows[0] && upto(4) != 0) {
        row = rows[static_cast<std::size_t>(upto(static_cast<int>(&row - rows.data())))];
        if (upto(2) == 0) row.resize(static_cast<std::size_t>(1 + upto(static_cast<int>(row.size()))));
      }
      for (int more = upto(5) + (row.empty() ? 1 : 0); more > 0; --more)
        row.push_back(upto(static_cast<int>(transformer.config().vocab)));
    }
    return rows;
  }

  Edit any_edit(const std::vector<std::vector<TokenId>>& rows) {
    Edit edit;
    edit.site = any_site();
    const bool map = edit.site.point == Point::scores || edit.site.point == Point::pattern;
    const SiteShape shape =
        map ? SiteShape{transformer.config().heads, 1, true} : site_shape(edit.site, transformer.config());
    edit.change = static_cast<Change>(upto(9));
    edit.low = value(), edit.high = edit.low + 1;
    edit.amount = std::abs(value()) / 4;
    edit.vector.resize(static_cast<std::size_t>(map || upto(3) == 0 ? 1 : shape.total()));
    for (float& v : edit.vector) v = value() + 3;
    if (upto(3) != 0) edit.rows = {upto(static_cast<int>(rows.size()))};
    if (upto(4) != 0) edit.positions = {upto(2) == 0 ? -1 : 0};  // there in every row
    if (shape.has_heads && upto(2) == 0) edit.heads = {upto(static_cast<int>(shape.heads))};
    return edit;
  }

  Request any_plan() {
    Request request;
    request.rows = any_rows();
    for (int n = upto(5); n > 0; --n) {
      Edit edit = any_edit(request.rows);
      const bool wipes = edit.change == Change::set || edit.change == Change::zero;
      const bool met = std::ranges::any_of(request.edits, [&](const Edit& e) { return e.site == edit.site; });
      if (!wipes || !met) request.edits.push_back(std::move(edit));  // else the plan might refuse it
    }
    for (int n = upto(4); n > 0; --n) request.capture.push_back(any_site());
    request.logits = static_cast<LogitsAt>(upto(3));
    const bool watched =
        std::ranges::any_of(request.edits, [](const Edit& e) { return e.site.point == Point::logits; }) ||
        std::ranges::any_of(request.capture, [](const Site& s) { return s.point == Point::logits; });
    if (!watched && upto(2) == 0) request.tokens = {upto(static_cast<int>(transformer.config().vocab)), 3};
    return request;
  }

  // The same row without the others, and without any sharing.
  Request alone(const Request& together, std::size_t row) {
    Request request = together;
    request.rows = {together.rows[row]};
    request.share = false;
    std::erase_if(request.edits,
                  [row](const Edit& e) { return !e.rows.empty() && e.rows[0] != static_cast<int>(row); });
    for (Edit& edit : request.edits) edit.rows.clear();
    return request;
  }
};

void expect_same_bits(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  if (a.empty()) return;  // nothing lies behind its pointer
  ASSERT_EQ(std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)), 0);
}

TEST_P(Plans, of_any_kind_give_each_row_the_bits_that_it_has_alone) {
  double asked = 0, computed = 0;
  for (int n = 0; n < 300; ++n) {
    SCOPED_TRACE(n);
    const Request request = any_plan();
    const Result together = transformer.run(request);
    asked += together.cost.asked, computed += together.cost.computed;
    for (std::size_t r = 0; r < request.rows.size(); ++r) {
      SCOPED_TRACE(r);
      const Result single = transformer.run(alone(request, r));
      expect_same_bits(together.rows[r].logits, single.rows[0].logits);
      for (std::size_t c = 0; c < request.capture.size(); ++c) {
        SCOPED_TRACE(request.capture[c].name());
        expect_same_bits(together.rows[r].captured[c], single.rows[0].captured[c]);
      }
    }
  }
  EXPECT_LT(computed, asked);
}

TEST_P(Plans, are_estimated_to_the_byte_and_the_token_layer_and_counted_when_run) {
  double asked = 0, computed = 0;
  std::int64_t logit_rows = 0;
  EXPECT_EQ(transformer.spent().asked, 0);
  for (int n = 0; n < 100; ++n) {
    SCOPED_TRACE(n);
    const Request request = any_plan();
    const Estimate estimate = transformer.estimate(request, n % 10 == 0);
    EXPECT_EQ(estimate.seconds > 0, n % 10 == 0);
    const Result result = transformer.run(request);
    double bytes = 0;
    for (const RowResult& row : result.rows) {
      bytes += 4.0 * static_cast<double>(row.logits.size());
      for (const Tensor& t : row.captured) bytes += 4.0 * static_cast<double>(t.size());
    }
    EXPECT_EQ(estimate.bytes, bytes);
    EXPECT_EQ(estimate.cost.asked, result.cost.asked);
    EXPECT_EQ(estimate.cost.computed, result.cost.computed);
    asked += result.cost.asked, computed += result.cost.computed, logit_rows += result.cost.logit_rows;
    EXPECT_EQ(transformer.spent().asked, asked);
    EXPECT_EQ(transformer.spent().computed, computed);
    EXPECT_EQ(transformer.spent().logit_rows, logit_rows);
  }
}

TEST_P(Plans, pruning_and_early_ends_do_not_change_what_is_left) {
  for (int n = 0; n < 100; ++n) {
    SCOPED_TRACE(n);
    Request request = any_plan();
    request.logits = LogitsAt::last;
    request.capture.clear();
    const Result pruned = transformer.run(request);
    request.logits = LogitsAt::all;
    const Result whole = transformer.run(request);
    for (std::size_t r = 0; r < request.rows.size(); ++r) {
      const Tensor& logits = whole.rows[r].logits;
      expect_same_bits(pruned.rows[r].logits, Tensor::of({logits.columns()}, logits.row(logits.rows() - 1)));
    }
  }
}

TEST_P(Plans, a_patch_shares_all_that_it_cannot_change) {
  const auto blocks = static_cast<double>(transformer.config().blocks);
  Request request;
  request.logits = LogitsAt::all;
  request.rows = {{1, 2, 3, 4}, {1, 2, 3, 4}};
  Edit edit;
  edit.site = {Point::mlp_out, static_cast<int>(blocks) - 2};
  edit.change = Change::zero;
  edit.rows = {1};
  edit.positions = {2};
  request.edits = {edit};
  // both rows but for the last block's positions 2 and 3: its attention carries the change on to 3
  const Config& c = transformer.config();
  const auto d = static_cast<double>(c.width), kv = static_cast<double>(c.kv_heads * c.head_width);
  const double read = d * (d + 2 * kv), after = d * d + (c.gated_mlp ? 3 : 2) * d * static_cast<double>(c.mlp_width);
  EXPECT_NEAR(transformer.run(request).cost.computed, 4 * blocks + (1 * read + 2 * after) / (read + after), 1e-9);
  EXPECT_EQ(transformer.run(request).cost.asked, 8 * blocks);
}

TEST_P(Plans, without_logits_nothing_is_computed_behind_the_deepest_capture) {
  Request request;
  request.logits = LogitsAt::none;
  request.rows = {{1, 2, 3}};
  request.capture = {{Point::resid_pre, 1}};
  EXPECT_EQ(transformer.run(request).cost.computed, 3);
  request.capture.clear();
  EXPECT_EQ(transformer.run(request).cost.computed, 0);
}

INSTANTIATE_TEST_SUITE_P(tiny, Plans, ::testing::Values(Case{"gpt2", "tiny-gpt2"}, Case{"llama", "tiny-llama"}),
                         [](const auto& c) { return c.param.model; });

}  // namespace
}  // namespace embscope
