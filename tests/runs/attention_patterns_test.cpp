// Attention patterns: what the run itself computed, and figures of a head that can be checked by hand.
#include "embscope/runs/attention_patterns.h"

#include <cmath>

#include <gtest/gtest.h>

#include "refusal.h"

namespace embscope {
namespace {

const std::vector<TokenId> text = {5, 17, 3, 3, 88, 41, 0, 12};

class AttentionPatterns : public ::testing::TestWithParam<const char*> {
 protected:
  const Transformer transformer_{Model::open(EMBSCOPE_TEST_DATA "/reference/" + std::string(GetParam()))};

  Tensor captured(int block) const {
    Request request;
    request.rows = {text};
    request.capture = {{Point::pattern, block}};
    return std::move(transformer_.run(request).rows[0].captured[0]);
  }
};

std::vector<float> bits(std::span<const float> values) { return {values.begin(), values.end()}; }

TEST_P(AttentionPatterns, are_those_of_the_run) {
  const int heads = static_cast<int>(transformer_.config().heads);
  for (int b = 0; b < transformer_.config().blocks; ++b) {
    const AttentionResult all = attention_patterns(transformer_, {text, b, {}});
    const Tensor run = captured(b);
    EXPECT_EQ(all.block, b);
    ASSERT_EQ(all.patterns.shape(), run.shape());
    EXPECT_EQ(bits(all.patterns.values()), bits(run.values()));
    const AttentionResult two = attention_patterns(transformer_, {text, b, {heads - 1, 1}});
    const std::size_t map = text.size() * text.size();
    EXPECT_EQ(bits(two.patterns.values().first(map)), bits(run.values().last(map)));
    EXPECT_EQ(bits(two.patterns.values().last(map)), bits(run.values().subspan(map, map)));
    EXPECT_EQ(two.summary.column("head").numbers(), (std::vector<double>{heads - 1.0, 1}));
  }
}

TEST_P(AttentionPatterns, figures_are_means_over_the_queries_that_have_a_choice) {
  const AttentionResult result = attention_patterns(transformer_, {text, 1, {}});
  const std::size_t length = text.size();
  for (std::size_t h = 0; h < result.heads.size(); ++h) {
    const float* p = result.patterns.data() + h * length * length;
    double bits_sum = 0, first = 0, previous = 0, itself = 0;
    for (std::size_t t = 1; t < length; ++t) {
      for (std::size_t s = 0; s <= t; ++s)
        bits_sum -= p[t * length + s] * std::log2(static_cast<double>(p[t * length + s]));
      first += p[t * length], previous += p[t * length + t - 1], itself += p[t * length + t];
    }
    const auto number = [&](const char* name) { return result.summary.column(name).numbers()[h]; };
    EXPECT_NEAR(number("entropy"), bits_sum / 7, 1e-9);
    EXPECT_NEAR(number("first"), first / 7, 1e-9);
    EXPECT_NEAR(number("previous"), previous / 7, 1e-9);
    EXPECT_NEAR(number("itself"), itself / 7, 1e-9);
  }
}

TEST_P(AttentionPatterns, without_a_block_the_one_that_looks_least_at_the_first_token) {
  const AttentionResult result = attention_patterns(transformer_, {text, {}, {}});
  const auto &block = result.every.column("block").numbers(), &first = result.every.column("first").numbers();
  const auto blocks = static_cast<std::size_t>(transformer_.config().blocks);
  ASSERT_EQ(result.every.rows(), blocks * static_cast<std::size_t>(transformer_.config().heads));
  std::vector<double> sums(blocks);
  for (std::size_t i = 0; i < block.size(); ++i) sums[static_cast<std::size_t>(block[i])] += first[i];
  EXPECT_EQ(result.block, std::min_element(sums.begin(), sums.end()) - sums.begin());
  EXPECT_EQ(result.summary.column("block").numbers().front(), result.block);
  EXPECT_EQ(bits(result.patterns.values()), bits(captured(result.block).values()));
}

TEST_P(AttentionPatterns, one_token_has_no_choice) {
  const AttentionResult result = attention_patterns(transformer_, {{5}, 0, {}});
  EXPECT_EQ(result.patterns.values()[0], 1);
  EXPECT_TRUE(std::isnan(result.summary.column("previous").numbers()[0]));
}

TEST_P(AttentionPatterns, mistakes_are_refused) {
  const auto code = [&](const AttentionRequest& r) { return code_of([&] { attention_patterns(transformer_, r); }); };
  EXPECT_EQ(code({text, 3, {}}), Code::range);
  EXPECT_EQ(code({text, -1, {}}), Code::range);
  EXPECT_EQ(code({text, 0, {6}}), Code::range);
  EXPECT_EQ(code({text, 0, {-1}}), Code::range);
  EXPECT_EQ(code({{}, 0, {}}), Code::usage);
  EXPECT_EQ(code({std::vector<TokenId>(65, 1), 0, {}}), Code::range);
}

INSTANTIATE_TEST_SUITE_P(tiny, AttentionPatterns, ::testing::Values("tiny-gpt2", "tiny-llama"),
                         [](const auto& c) { return std::string(c.param).substr(5); });

}  // namespace
}  // namespace embscope
