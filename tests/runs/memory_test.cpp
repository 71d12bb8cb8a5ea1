// Runs that hold less give the same bits; what they hold is bounded.
#include <algorithm>
#include <numeric>
#include <ranges>

#include <gtest/gtest.h>

#include "embscope/runs/predict.h"
#include "forward/replay.h"
#include "forward/working_memory.h"

namespace embscope {
namespace {

class Batches : public ::testing::TestWithParam<const char*> {
 protected:
  const Transformer transformer_{Model::open(EMBSCOPE_TEST_DATA "/reference/" + std::string(GetParam()))};

  // Rows of several lengths, an edit of each row, one of two rows, and one of all.
  Request request() const {
    Request r;
    for (int i = 0; i < 7; ++i) {
      std::vector<TokenId> row = {9, 1, 77, 30, 2, 61, 13};
      row.resize(static_cast<std::size_t>(4 + i % 4));
      r.rows.push_back(row);
      r.edits.push_back(edit({Point::resid_pre, 1}, 2, {i}, 0.1F * static_cast<float>(i)));
    }
    r.edits.push_back(edit({Point::mlp_out, 0}, 1, {2, 5}, 0.5F));
    r.edits.push_back(edit({Point::attn_out, 1}, 3, {}, 0.25F));
    r.capture = {{Point::resid_post, 1}, {Point::mlp_post, 0}};
    return r;
  }

 private:
  static Edit edit(Site site, int position, std::vector<int> rows, float value) {
    Edit e;
    e.site = site, e.change = Change::add, e.positions = {position}, e.rows = std::move(rows), e.vector = {value};
    e.amount = 1;
    return e;
  }
};

TEST_P(Batches, of_any_size_give_the_same_bits) {
  const Request r = request();
  const Result whole = transformer_.run(r);
  const double all = run_bytes(transformer_, r);
  for (const double allowed : {1.0, all / 3, all / 2, all}) {
    const Result parts = run_in_batches(transformer_, r, allowed);
    ASSERT_EQ(parts.rows.size(), whole.rows.size());
    for (std::size_t i = 0; i < whole.rows.size(); ++i) {
      EXPECT_TRUE(std::ranges::equal(parts.rows[i].logits.values(), whole.rows[i].logits.values())) << i;
      for (std::size_t c = 0; c < r.capture.size(); ++c)
        EXPECT_TRUE(std::ranges::equal(parts.rows[i].captured[c].values(), whole.rows[i].captured[c].values())) << i;
    }
    EXPECT_EQ(parts.cost.asked, whole.cost.asked);
    if (allowed < all) {
      EXPECT_GT(parts.cost.computed, whole.cost.computed);  // what rows share was computed in each batch
    }
  }
}

// More rows than an MLP takes at once: with somebody who looks inside it, and without.
TEST_P(Batches, of_many_rows_have_the_bits_of_each_alone) {
  Request r;
  for (TokenId i = 0; i < 90; ++i) r.rows.push_back({i, 1, 77, 30, 2, 61, 13});
  r.capture = {{Point::mlp_out, 0}};
  const Result unwatched = transformer_.run(r);
  r.capture.push_back({Point::mlp_pre, 0});
  const Result watched = transformer_.run(r);
  for (std::size_t i = 0; i < r.rows.size(); i += 13) {
    Request one;
    one.rows = {r.rows[i]}, one.capture = {{Point::mlp_out, 0}};
    const Result alone = transformer_.run(one);
    for (const Result* many : {&unwatched, &watched}) {
      EXPECT_TRUE(std::ranges::equal(many->rows[i].logits.values(), alone.rows[0].logits.values())) << i;
      EXPECT_TRUE(std::ranges::equal(many->rows[i].captured[0].values(), alone.rows[0].captured[0].values())) << i;
    }
  }
}

// Blocks in any order, of groups of one block and of more, with one residual stream kept and with all.
TEST_P(Batches, of_one_text_are_replayed_with_the_bits_of_the_run) {
  const std::vector<TokenId> text = {9, 1, 77, 30, 2, 61, 13};
  const Config& config = transformer_.config();
  Request whole;
  whole.rows = {text}, whole.capture = {{Point::ln_final, -1}};
  for (int l = 0; l < static_cast<int>(config.blocks); ++l) {
    for (const Point point : {Point::resid_pre, Point::z, Point::mlp_out}) whole.capture.push_back({point, l});
  }
  const Result run = transformer_.run(whole);
  const auto expect_all = [&](Replay& replay, auto&& order) {
    for (const std::size_t c : order) {
      const Site& site = whole.capture[c];
      EXPECT_TRUE(std::ranges::equal(replay.at(site).values(), run.rows[0].captured[c].values())) << site.name();
    }
  };
  std::vector<std::size_t> order(whole.capture.size());
  std::iota(order.begin(), order.end(), 0);
  for (const double held : {1.0, 3e3, 1e4, 1e9}) {
    Replay replay(transformer_, text, whole.capture, held);
    EXPECT_TRUE(std::ranges::equal(replay.run({}, {}).values(), run.rows[0].logits.values()));
    for (int i = 0; i < 2; ++i) {
      expect_all(replay, order);
      expect_all(replay, std::views::reverse(order));
    }
    EXPECT_THROW(replay.at({Point::q, 0}), Error);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Batches, ::testing::Values("tiny-gpt2", "tiny-llama"), [](const auto& tested) {
  std::string name = tested.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

// Of a vocabulary of 50,000, 10,000 answers once took 2 GB.
TEST(Top, keeps_the_tokens_that_were_asked_for_and_no_others) {
  const std::vector<float> logits(50000, 1.0F);
  const std::vector<TokenId> found = top(logits, 3);
  EXPECT_EQ(found, (std::vector<TokenId>{0, 1, 2}));
  EXPECT_LE(found.capacity(), 8u);
}

}  // namespace
}  // namespace embscope
