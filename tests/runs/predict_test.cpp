#include "embscope/runs/predict.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gmock/gmock.h>

#include "embscope/base/threads.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;

TEST(Softmax, gives_shares_of_one) {
  const std::vector<float> logits = {1, 2, 3, -INFINITY};
  const auto p = softmax(logits);
  const double sum = std::exp(1.0) + std::exp(2.0) + std::exp(3.0);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(p[i], std::exp(static_cast<double>(i + 1)) / sum, 1e-15);
  EXPECT_EQ(p[3], 0);
}

TEST(Softmax, huge_logits_do_not_overflow) {
  const auto p = softmax(std::vector<float>{3e38f, 3e38f, -3e38f});
  EXPECT_THAT(p, ElementsAre(0.5, 0.5, 0));
}

TEST(Top, lists_the_largest_first_and_equal_ones_by_id) {
  const std::vector<float> logits = {1, 5, -2, 5, 3, 5};
  EXPECT_THAT(top(logits, 4), ElementsAre(1, 3, 5, 4));
  EXPECT_THAT(top(logits, 100), ElementsAre(1, 3, 5, 4, 0, 2));
  EXPECT_THAT(top(logits, 0), ElementsAre());
  EXPECT_THAT(top(logits, -3), ElementsAre());
}

class Predict : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    model_ = tiny::open(GetParam());
    transformer_ = std::make_unique<Transformer>(model_);
  }
  std::vector<TokenId> ids(std::string_view text) const { return model_->tokenizer().encode(text).ids; }
  std::vector<float> logits(const std::vector<TokenId>& row) const {
    Request r;
    r.rows = {row};
    const Result result = transformer_->run(r);
    return {result.rows[0].logits.values().begin(), result.rows[0].logits.values().end()};
  }
  // Greedy text, token by token, each by a whole new run: what a cache must give too.
  std::vector<TokenId> greedy(std::vector<TokenId> row, std::size_t most) const {
    std::vector<TokenId> out;
    while (out.size() < most && static_cast<std::int64_t>(row.size()) <= model_->config().context) {
      const TokenId next = top(logits(row), 1)[0];
      if (next == model_->config().eos) break;
      out.push_back(next);
      row.push_back(next);
    }
    return out;
  }
  std::vector<TokenId> generated(std::string_view text, const Sampling& s) const {
    std::vector<TokenId> out;
    generate(*transformer_, text, s, [&](TokenId id, std::string_view, double) {
      out.push_back(id);
      return true;
    });
    return out;
  }
  template <class F>
  static void expect_refused(Code code, F&& action) {
    try {
      action();
      ADD_FAILURE() << "accepted";
    } catch (const Error& e) { EXPECT_EQ(e.code(), code) << e.what(); }
  }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Transformer> transformer_;
};

TEST_P(Predict, lists_the_run_s_own_logits_and_their_softmax) {
  const auto expected = logits(ids("The cat is"));
  const auto p = softmax(expected);
  const Table table = predict(*transformer_, "The cat is", 1000);
  ASSERT_EQ(static_cast<std::int64_t>(table.rows()), model_->config().vocab);
  double sum = 0;
  for (std::size_t r = 0; r < table.rows(); ++r) {
    const auto id = static_cast<std::size_t>(table.column("id").numbers()[r]);
    EXPECT_EQ(table.column("rank").numbers()[r], static_cast<double>(r + 1));
    EXPECT_EQ(table.column("logit").numbers()[r], expected[id]);
    EXPECT_EQ(table.column("probability").numbers()[r], p[id]);
    sum += p[id];
    const bool named = static_cast<TokenId>(id) < model_->tokenizer().size();
    EXPECT_EQ(table.column("token").texts()[r],
              named ? model_->tokenizer().label(static_cast<TokenId>(id)) : fmt::format("<{}>", id));
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_TRUE(std::ranges::is_sorted(table.column("logit").numbers(), std::greater<>()));
  EXPECT_EQ(predict(*transformer_, "The cat is", 3).rows(), 3u);
}

TEST_P(Predict, refuses_what_has_no_next_token) {
  expect_refused(Code::range, [&] { predict(*transformer_, "The cat", 0); });
  expect_refused(Code::usage, [&] { predict(*transformer_, "", 5); });
  const std::string longer(static_cast<std::size_t>(model_->config().context) + 1, 'b');
  expect_refused(Code::range, [&] { predict(*transformer_, longer, 5); });
  EXPECT_NO_THROW(predict(*transformer_, longer.substr(1), 5));
}

TEST_P(Predict, greedy_text_is_that_of_whole_runs) {
  Sampling s;
  s.tokens = 20;
  for (const char* text : {"The cat is", "b", "X dog, dog"})
    EXPECT_EQ(generated(text, s), greedy(ids(text), 20)) << text;
}

TEST_P(Predict, text_ends_with_the_context) {
  Sampling s;
  s.tokens = 1000;
  s.temperature = 5;
  s.seed = 3;
  const auto out = generated("The cat", s);
  EXPECT_LE(static_cast<std::int64_t>(out.size() + 2), model_->config().context + 1);
  s.temperature = 0;
  EXPECT_EQ(generated("The cat", s), greedy(ids("The cat"), 1000));
}

TEST_P(Predict, a_text_longer_than_the_context_is_refused_and_not_continued_by_nothing) {
  const std::string longer(static_cast<std::size_t>(model_->config().context) + 1, 'b');
  expect_refused(Code::range, [&] { generate(*transformer_, longer, {}); });
}

TEST_P(Predict, each_token_is_told_with_its_bytes_and_probability) {
  Sampling s;
  s.tokens = 6;
  std::string told;
  auto row = ids("The cat is");
  const std::string out =
      generate(*transformer_, "The cat is", s, [&](TokenId id, std::string_view bytes, double probability) {
        EXPECT_EQ(probability, softmax(logits(row))[static_cast<std::size_t>(id)]);
        EXPECT_EQ(bytes, id < model_->tokenizer().size() ? model_->tokenizer().bytes(id) : "");
        told += bytes;
        row.push_back(id);
        return true;
      });
  EXPECT_EQ(out, told);
  EXPECT_GT(row.size(), ids("The cat is").size());
}

TEST_P(Predict, text_stops_when_its_reader_has_enough) {
  int told = 0;
  generate(*transformer_, "The cat is", {}, [&](TokenId, std::string_view, double) { return ++told < 3; });
  EXPECT_EQ(told, 3);
}

TEST_P(Predict, a_seed_fixes_the_text_with_any_number_of_threads) {
  Sampling s;
  s.temperature = 1.2;
  s.seed = 9;
  const int before = threads();
  set_threads(1);
  const auto one = generated("The cat is", s);
  set_threads(3);
  EXPECT_EQ(generated("The cat is", s), one);
  set_threads(before);
  s.seed = 10;
  EXPECT_NE(generated("The cat is", s), one);
}

TEST_P(Predict, one_candidate_is_the_greedy_one) {
  Sampling greedily, s;
  greedily.tokens = s.tokens = 12;
  s.temperature = 1;
  s.top_k = 1;
  EXPECT_EQ(generated("The dog", s), generated("The dog", greedily));
  s.top_k = 0;
  s.top_p = 1e-9;
  EXPECT_EQ(generated("The dog", s), generated("The dog", greedily));
}

TEST_P(Predict, samples_follow_the_probabilities_and_keep_to_their_candidates) {
  const auto all = logits(ids("The cat is"));
  std::vector<float> tempered = all;
  for (float& x : tempered) x /= 1.5f;
  const auto p = softmax(tempered);
  const auto best = top(all, 3);
  double total = 0;
  for (TokenId id : best) total += p[static_cast<std::size_t>(id)];
  Sampling s;
  s.tokens = 1;
  s.temperature = 1.5;
  s.top_k = 3;
  const int rounds = 1500, before = threads();
  set_threads(1);
  std::vector<int> counts(all.size());
  for (int i = 0; i < rounds; ++i) {
    s.seed = static_cast<std::uint64_t>(i);
    for (TokenId id : generated("The cat is", s)) ++counts[static_cast<std::size_t>(id)];
  }
  set_threads(before);
  for (TokenId id : best) {
    if (id == model_->config().eos) continue;  // ends the text and is not told
    const double share = p[static_cast<std::size_t>(id)] / total;
    EXPECT_NEAR(counts[static_cast<std::size_t>(id)], rounds * share, 5 * std::sqrt(rounds * share * (1 - share)) + 1);
    counts[static_cast<std::size_t>(id)] = 0;
  }
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), 0) << "others than the three likeliest";
}

TEST_P(Predict, sampling_out_of_bounds_is_refused) {
  for (auto change : std::vector<void (*)(Sampling&)>{
           [](Sampling& s) { s.tokens = -1; }, [](Sampling& s) { s.temperature = -0.1; },
           [](Sampling& s) { s.temperature = NAN; }, [](Sampling& s) { s.temperature = INFINITY; },
           [](Sampling& s) { s.top_k = -1; }, [](Sampling& s) { s.top_p = 0; }, [](Sampling& s) { s.top_p = 1.01; },
           [](Sampling& s) { s.top_p = NAN; }}) {
    Sampling s;
    change(s);
    expect_refused(Code::range, [&] { generate(*transformer_, "The cat", s); });
  }
  Sampling none;
  none.tokens = 0;
  EXPECT_EQ(generate(*transformer_, "The cat", none), "");
}

INSTANTIATE_TEST_SUITE_P(tiny, Predict, ::testing::Values("tiny-gpt2", "tiny-llama"),
                         [](const auto& p) { return std::string(p.param).substr(5); });

}  // namespace
}  // namespace embscope
