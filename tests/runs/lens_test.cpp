// The logit lens: its last row is the run itself, and every other row is the final norm, recomputed, on that residual.
#include "embscope/runs/lens.h"

#include <cmath>

#include <gtest/gtest.h>

#include "embscope/base/threads.h"
#include "embscope/runs/predict.h"
#include "refusal.h"
#include "runs/reference_run.h"

namespace embscope {
namespace {

class Lens : public ReferenceRun {
 protected:
  LensResult lens_of(std::optional<TokenId> target, int top = 1) const {
    LensRequest r;
    r.ids = text;
    r.target = target;
    r.top = top;
    return lens(transformer_, r);
  }

  std::size_t row(std::int64_t block, std::size_t position) const {
    return static_cast<std::size_t>(block + 1) * text.size() + position;
  }
};

TEST_P(Lens, the_last_row_is_the_logits_of_the_run_bit_for_bit) {
  const Tensor logits = std::move(run().rows[0].logits);
  for (TokenId id = 0; id < config().vocab; ++id) {
    const Table cells = lens_of(id).cells;
    for (std::size_t t = 0; t < text.size(); ++t) {
      const std::span<const float> own = logits.row(static_cast<std::int64_t>(t));
      const std::size_t i = row(config().blocks - 1, t);
      const auto at = static_cast<std::size_t>(id);
      ASSERT_EQ(cells.column("target_logit").numbers()[i], static_cast<double>(own[at]));
      ASSERT_EQ(cells.column("target_probability").numbers()[i], softmax(own)[at]);
      ASSERT_EQ(cells.column("target_rank").numbers()[i], static_cast<double>(rank_of(own, id)));
    }
  }
}

// In double and from the formula: (x - mean) / sqrt(mean square + epsilon) * gain + bias, then a row of the
// unembedding.
TEST_P(Lens, every_row_recomputes_the_final_norm) {
  const Norm& norm = transformer_.model().weights().ln_final;
  const Tensor gain = norm.gain.values();
  const auto width = static_cast<std::size_t>(config().width);
  std::vector<float> unembedding(width);
  const TokenId target = 7;
  transformer_.model().weights().unembed.row(target, unembedding.data());
  const Table cells = lens_of(target).cells;
  for (int b = -1; b < config().blocks; ++b) {
    const Site site = b < 0 ? Site{Point::resid_pre, 0} : Site{Point::resid_post, b};
    const Result captured = run({site});
    for (std::size_t t = 0; t < text.size(); ++t) {
      const auto x = captured.rows[0].captured[0].row(static_cast<std::int64_t>(t));
      double mean = 0, square = 0, logit = 0;
      for (float v : x) mean += config().norm == NormKind::layer ? static_cast<double>(v) / x.size() : 0;
      for (float v : x) square += (v - mean) * (v - mean) / x.size();
      for (std::size_t d = 0; d < width; ++d) {
        const double bias = norm.bias.empty() ? 0 : static_cast<double>(norm.bias.values().values()[d]);
        const double normed = (x[d] - mean) / std::sqrt(square + config().epsilon) * gain.values()[d] + bias;
        logit += normed * unembedding[d];
      }
      ASSERT_NEAR(cells.column("target_logit").numbers()[row(b, t)], logit, 1e-4) << "block " << b << " position " << t;
    }
  }
}

TEST_P(Lens, the_target_is_what_is_predicted_last_unless_named) {
  const LensResult result = lens_of({}, 3);
  EXPECT_EQ(result.target, top(run().rows[0].logits.row(12), 1)[0]);
  EXPECT_EQ(result.cells.column("target_rank").numbers().back(), 1);
  EXPECT_EQ(result.cells.rows(), static_cast<std::size_t>(config().blocks + 1) * text.size());
  EXPECT_EQ(result.tops.rows(), 3 * result.cells.rows());
  EXPECT_EQ(result.tops.column("token").texts()[3], result.cells.column("top").texts()[1]);
}

TEST_P(Lens, a_range_of_positions_is_a_part_of_the_whole_for_any_number_of_threads) {
  const int before = threads();
  const auto whole = lens_of(3).cells;
  LensRequest r;
  r.ids = text;
  r.target = 3;
  r.first = 4, r.last = 9;
  for (int count : {1, 2, 3}) {
    set_threads(count);
    const Table part = lens(transformer_, r).cells;
    ASSERT_EQ(part.rows(), static_cast<std::size_t>(config().blocks + 1) * 5);
    for (std::size_t i = 0; i < part.rows(); ++i) {
      const std::size_t same = row(static_cast<std::int64_t>(i / 5) - 1, 4 + i % 5);
      for (const char* column : {"block", "position", "probability", "target_rank", "target_logit"})
        ASSERT_EQ(part.column(column).numbers()[i], whole.column(column).numbers()[same]) << column;
    }
  }
  set_threads(before);
}

TEST_P(Lens, mistakes_are_refused) {
  const auto code = [&](auto change) {
    LensRequest r;
    r.ids = text;
    change(r);
    return code_of([&] { lens(transformer_, r); });
  };
  EXPECT_EQ(code([](LensRequest& r) { r.ids.clear(); }), Code::usage);
  EXPECT_EQ(code([](LensRequest& r) { r.target = 100000; }), Code::range);
  EXPECT_EQ(code([](LensRequest& r) { r.target = -1; }), Code::range);
  EXPECT_EQ(code([](LensRequest& r) { r.top = 0; }), Code::range);
  EXPECT_EQ(code([](LensRequest& r) { r.first = 13; }), Code::range);
  EXPECT_EQ(code([](LensRequest& r) { r.last = 14; }), Code::range);
  EXPECT_EQ(code([](LensRequest& r) { r.ids.assign(65, 1); }), Code::range);  // the context is 64
  EXPECT_EQ(code([](LensRequest& r) { r.ids[2] = 100000; }), Code::range);
}

INSTANTIATE_TEST_SUITE_P(tiny, Lens, ::testing::Values("tiny-gpt2", "tiny-llama"),
                         [](const auto& c) { return std::string(c.param).substr(5); });

}  // namespace
}  // namespace embscope
