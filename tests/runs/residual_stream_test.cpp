// The residual stream: its vectors are the run's own, its measures follow from them, and edits are felt only after
// their place.
#include "embscope/runs/residual_stream.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "embscope/base/error.h"
#include "embscope/model/model.h"

namespace embscope {
namespace {

const std::vector<TokenId> text = {5, 17, 3, 3, 88, 41, 0, 12};

class Stream : public ::testing::TestWithParam<const char*> {
 protected:
  const Transformer transformer_{Model::open(EMBSCOPE_TEST_DATA "/reference/" + std::string(GetParam()))};
  ResidualStreamRequest request(std::vector<Edit> edits = {}) const {
    return {text, std::move(edits), 0, static_cast<std::int64_t>(text.size())};
  }
};

Edit zero(Point point, int block, int position) {
  Edit edit;
  edit.site = {point, block}, edit.change = Change::zero, edit.positions = {position};
  return edit;
}

TEST_P(Stream, vectors_and_logits_are_the_runs_bit_for_bit) {
  const int last = static_cast<int>(transformer_.config().blocks) - 1;
  Request run;
  run.rows = {text};
  run.capture = {{Point::resid_pre, 0}, {Point::resid_post, last}};
  const Result result = transformer_.run(run);
  ResidualStreamRequest part = request();
  part.first = 2, part.last = 5;
  const ResidualStream stream = residual_stream(transformer_, part);
  ASSERT_EQ(stream.after.size(), static_cast<std::size_t>(last) + 2);
  for (std::int64_t t = 0; t < 3; ++t) {
    EXPECT_TRUE(std::ranges::equal(stream.after.front().row(t), result.rows[0].captured[0].row(t + 2)));
    EXPECT_TRUE(std::ranges::equal(stream.after.back().row(t), result.rows[0].captured[1].row(t + 2)));
  }
  EXPECT_TRUE(std::ranges::equal(stream.logits.values(), result.rows[0].logits.values()));
}

TEST_P(Stream, measures_follow_from_the_vectors) {
  const ResidualStream stream = residual_stream(transformer_, request());
  const Tensor length = lengths(stream), by = moved(stream);
  for (std::size_t t = 0; t < text.size(); ++t) {
    const auto at = static_cast<std::int64_t>(t);
    double was = 0, is = 0, way = 0;
    for (std::size_t d = 0; d < stream.after[1].row(at).size(); ++d) {
      const double a = static_cast<double>(stream.after[0].row(at)[d]),
                   b = static_cast<double>(stream.after[1].row(at)[d]);
      was += a * a, is += b * b, way += (b - a) * (b - a);
    }
    EXPECT_NEAR(length.row(1)[t], std::sqrt(is), 1e-4 * std::sqrt(is));
    EXPECT_NEAR(by.row(1)[t], std::sqrt(way / was), 1e-4 * std::sqrt(way / was));
    EXPECT_EQ(by.row(0)[t], 0);
  }
}

TEST_P(Stream, an_edit_is_felt_from_its_block_and_position_on) {
  const ResidualStream without = residual_stream(transformer_, request());
  const ResidualStream with = residual_stream(transformer_, request({zero(Point::attn_out, 1, 3)}));
  const Tensor grid = felt(with, without);
  for (std::size_t t = 0; t < text.size(); ++t) {
    EXPECT_EQ(grid.row(0)[t], 0);
    EXPECT_EQ(grid.row(1)[t], 0);  // after block 0
    EXPECT_EQ(grid.row(2)[t] > 0, t == 3);
    EXPECT_EQ(grid.row(grid.rows() - 1)[t] > 0, t >= 3);
  }
}

bool same(const ResidualStream& a, const ResidualStream& b) {
  const auto equal = [](const Tensor& x, const Tensor& y) {
    return x.shape() == y.shape() && std::ranges::equal(x.values(), y.values());
  };
  return equal(a.wte, b.wte) && equal(a.logits, b.logits) && std::ranges::equal(a.after, b.after, equal);
}

TEST_P(Stream, what_a_known_text_shares_is_taken_from_it_with_the_same_bits) {
  const KnownStream known = known_stream(transformer_, request());
  EXPECT_TRUE(same(known.stream, residual_stream(transformer_, request())));
  ResidualStreamRequest longer = request(), changed = request(), shorter = request(), other = request();
  longer.ids.push_back(7), longer.last = std::ssize(longer.ids);
  changed.ids[5] = 9;
  shorter.ids.resize(4), shorter.last = 4;
  other.ids[0] = 6;
  struct Case {
    ResidualStreamRequest asked;
    std::int64_t shared;
  };
  std::vector<Case> cases = {{longer, 8},
                             {changed, 5},
                             {shorter, 3},
                             {other, 0},
                             {request(), 7},
                             {request({zero(Point::mlp_out, 1, 4)}), 4},
                             {request({zero(Point::wte, -1, -2), zero(Point::attn_out, 0, 7)}), 6},
                             {request({zero(Point::pattern, 1, 6)}), 0}};
  for (const auto& [first, last] : {std::pair{2, 4}, {6, 8}, {1, 8}}) {
    changed.first = first, changed.last = last;
    cases.push_back({changed, 5});
  }
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& [asked, shared] = cases[i];
    EXPECT_EQ(shared_positions(asked, known), shared) << i;
    EXPECT_TRUE(same(residual_stream(transformer_, asked, {}, &known), residual_stream(transformer_, asked))) << i;
  }
  const KnownStream next = known_stream(transformer_, changed, {}, &known);  // its cache continues too
  EXPECT_EQ(next.cache.positions(), 8);
  ResidualStreamRequest third = changed;
  third.ids[7] = 1, third.first = 1;
  EXPECT_EQ(shared_positions(third, next), 7);
  EXPECT_TRUE(same(residual_stream(transformer_, third, {}, &next), residual_stream(transformer_, third)));
  third.first = 0;  // a position whose vectors are not known
  EXPECT_EQ(shared_positions(third, next), 0);
}

TEST_P(Stream, a_vector_of_zeros_and_positions_that_are_not_there) {
  const ResidualStream without = residual_stream(transformer_, request());
  const ResidualStream with = residual_stream(transformer_, request({zero(Point::resid_pre, 0, 2)}));
  EXPECT_EQ(felt(with, without).row(0)[2], 1);
  EXPECT_EQ(felt(without, with).row(0)[2], 1);  // against zeros: by its own length
  for (auto [first, last] : {std::pair{-1, 3}, {3, 3}, {0, 99}}) {
    ResidualStreamRequest wrong = request();
    wrong.first = first, wrong.last = last;
    EXPECT_THROW(residual_stream(transformer_, wrong), Error);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Stream, ::testing::Values("tiny-gpt2", "tiny-llama"),
                         [](const auto& c) { return std::string(c.param).substr(5); });

}  // namespace
}  // namespace embscope
