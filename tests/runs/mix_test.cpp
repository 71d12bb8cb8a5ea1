// The article's experiment on tiny models: its ends are exact, its crossings where two words are equally likely.
#include "embscope/runs/mix.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>

#include "embscope/runs/predict.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Mix : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    model_ = tiny::open(GetParam());
    transformer_ = std::make_unique<Transformer>(model_);
  }
  MixRequest request() const {
    MixRequest r;
    r.text = "The cat is a";
    r.replace = " cat";
    r.with = {" dog"};
    r.targets = {"x", "y", "The"};
    r.steps = 5;
    return r;
  }
  std::vector<double> probabilities(std::string_view text) const {
    Request r;
    r.rows = {model_->tokenizer().encode(text).ids};
    return softmax(transformer_->run(r).rows[0].logits.values());
  }
  TokenId id(std::string_view word) const { return token_named(*model_, word).id; }

  void expect_refused(const MixRequest& r, Code code, const std::string& says) const {
    try {
      mix(*transformer_, r);
      ADD_FAILURE() << says << ": accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      EXPECT_THAT(e.what(), HasSubstr(says));
    }
  }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Transformer> transformer_;
};

TEST_P(Mix, p_1_is_the_untouched_run_bit_for_bit) {
  const auto untouched = probabilities("The cat is a");
  for (const char* site : {"wte", "blocks.0.resid_pre", "blocks.2.resid_pre"}) {
    MixRequest r = request();
    r.site = site;
    const MixResult result = mix(*transformer_, r);
    EXPECT_TRUE(result.untouched_equals_p1) << site;
    for (const std::string& target : r.targets)
      EXPECT_EQ(result.sweep.column(target).numbers().back(), untouched[static_cast<std::size_t>(id(target))]) << site;
  }
}

TEST_P(Mix, p_0_is_the_text_with_the_other_word) {
  const auto other = probabilities("The dog is a");
  const MixResult result = mix(*transformer_, request());
  for (const std::string& target : request().targets)
    EXPECT_EQ(result.sweep.column(target).numbers().front(), other[static_cast<std::size_t>(id(target))]);
  // deeper down the same holds for a word at the end: nothing after it has seen the first one
  MixRequest r = request();
  r.text = "The is a cat";
  r.site = "blocks.1.resid_pre";
  const auto last = probabilities("The is a dog");
  EXPECT_NEAR(mix(*transformer_, r).sweep.column("x").numbers().front(), last[static_cast<std::size_t>(id("x"))],
              1e-12);
}

TEST_P(Mix, every_step_is_the_run_with_that_mixture) {
  const MixResult result = mix(*transformer_, request());
  EXPECT_EQ(result.position, 1);
  EXPECT_THAT(result.sweep.column("p").numbers(), ElementsAre(0, 0.25, 0.5, 0.75, 1));
  const Tensor cat = model_->embedding(id(" cat")), dog = model_->embedding(id(" dog"));
  for (std::size_t i = 0; i < 5; ++i) {
    const auto p = static_cast<float>(result.sweep.column("p").numbers()[i]);
    Request r;
    r.rows = {model_->tokenizer().encode("The cat is a").ids};
    Edit set;
    set.positions = {1};
    for (std::int64_t d = 0; d < cat.size(); ++d) set.vector.push_back(p * cat.data()[d] + (1 - p) * dog.data()[d]);
    r.edits = {set};
    const Result run = transformer_->run(r);
    const auto expected = softmax(run.rows[0].logits.values());
    for (const std::string& target : request().targets)
      EXPECT_NEAR(result.sweep.column(target).numbers()[i], expected[static_cast<std::size_t>(id(target))], 1e-6);
    const TokenId best = top(run.rows[0].logits.values(), 1)[0];
    EXPECT_EQ(result.sweep.column("top").texts()[i],
              best < model_->tokenizer().size() ? model_->tokenizer().label(best) : fmt::format("<{}>", best));
    EXPECT_NEAR(result.sweep.column("top_probability").numbers()[i], expected[static_cast<std::size_t>(best)], 1e-6);
  }
}

TEST_P(Mix, edits_in_force_act_in_every_step) {
  MixRequest r = request();
  const auto plain = mix(*transformer_, r).sweep.column("x").numbers();
  r.edits = parse_edit("blocks.1.attn_out@-1 zero", *transformer_, make_prompt(model_->tokenizer(), r.text));
  const MixResult result = mix(*transformer_, r);
  EXPECT_TRUE(result.untouched_equals_p1);
  EXPECT_NE(result.sweep.column("x").numbers(), plain);
  const Site wte = parse_site("wte", model_->config());
  for (std::size_t i = 0; i < 5; ++i) {
    Request run;
    run.rows = {model_->tokenizer().encode(r.text).ids};
    run.edits = r.edits;
    run.edits.push_back(mix_edit(wte, 1, mix_vector(*transformer_, r), static_cast<double>(i) / 4));
    const auto expected = softmax(transformer_->run(run).rows[0].logits.values());
    for (const std::string& target : r.targets)
      EXPECT_EQ(result.sweep.column(target).numbers()[i], expected[static_cast<std::size_t>(id(target))]);
  }
}

TEST_P(Mix, what_comes_before_the_word_is_computed_once) {
  MixRequest r = request();
  r.text = "The the the cat is";
  r.steps = 9;
  const MixResult result = mix(*transformer_, r);
  const auto before = static_cast<std::int64_t>(result.position);
  const auto length = static_cast<std::int64_t>(model_->tokenizer().encode(r.text).size());
  const std::int64_t rows = 9 + 1;  // the mixtures and the untouched text
  EXPECT_EQ(result.cost.asked, rows * length * model_->config().blocks);
  // and after the last block's attention nothing is, except at the last token
  EXPECT_LT(result.cost.computed, static_cast<double>((before + rows * (length - before)) * model_->config().blocks));
  EXPECT_GE(result.cost.computed,
            static_cast<double>((before + rows * (length - before)) * (model_->config().blocks - 1)));
}

TEST_P(Mix, a_word_of_several_tokens_is_its_final_one) {
  MixRequest r = request();
  r.text = "The cats is";
  r.replace = " cats";
  const MixResult result = mix(*transformer_, r);
  EXPECT_EQ(result.position, 2);
  EXPECT_EQ(model_->tokenizer().encode(r.text).ids[2], id("s"));
}

TEST_P(Mix, words_that_name_no_place_or_two_are_refused) {
  auto with = [&](auto&& change) {
    MixRequest r = request();
    change(r);
    return r;
  };
  expect_refused(with([](MixRequest& r) { r.replace = " cow"; }), Code::not_found,
                 "does not occur in the text (a leading space counts)");
  expect_refused(with([](MixRequest& r) { r.replace = " Cat"; }), Code::not_found, "a leading space counts");
  expect_refused(with([](MixRequest& r) { r.text = "The cat cat"; }), Code::usage, "more than once");
  expect_refused(with([](MixRequest& r) { r.text = "aaa", r.replace = "aa"; }), Code::usage, "more than once");
  expect_refused(with([](MixRequest& r) { r.replace = " ca"; }), Code::not_found, "part of a longer token");
  expect_refused(with([](MixRequest& r) { r.replace = ""; }), Code::usage, "empty");
  expect_refused(with([](MixRequest& r) { r.with = {""}; }), Code::usage, "empty");
  expect_refused(with([](MixRequest& r) { r.text = ""; }), Code::not_found, "does not occur");
}

TEST_P(Mix, requests_without_sense_are_refused) {
  auto with = [&](auto&& change) {
    MixRequest r = request();
    change(r);
    return r;
  };
  expect_refused(with([](MixRequest& r) { r.steps = 1; }), Code::range, "1 steps");
  expect_refused(with([](MixRequest& r) { r.targets = {}; }), Code::usage, "no target");
  expect_refused(with([](MixRequest& r) { r.targets = {"x", ""}; }), Code::usage, "empty");
  expect_refused(with([](MixRequest& r) { r.site = "blocks.0.pattern"; }), Code::usage, "holds no vector to mix");
  expect_refused(with([](MixRequest& r) { r.site = "resid_pre"; }), Code::usage, "one is needed");
  expect_refused(with([](MixRequest& r) { r.site = "blocks.3.resid_pre"; }), Code::not_found, "blocks 0..2");
}

TEST_P(Mix, one_target_crosses_nothing) {
  MixRequest r = request();
  r.targets = {"x"};
  EXPECT_TRUE(mix(*transformer_, r).crossings.empty());
  r.targets = {"x", "x"};  // equal everywhere is not a crossing either
  EXPECT_TRUE(mix(*transformer_, r).crossings.empty());
}

TEST_P(Mix, at_every_block_is_the_sweep_of_each_block) {
  const LayeredMix all = mix_every_block(*transformer_, request());
  const auto blocks = static_cast<std::size_t>(model_->config().blocks);
  ASSERT_EQ(all.cells.rows(), blocks * 5);
  ASSERT_EQ(all.crossings.rows(), blocks);
  for (std::size_t l = 0; l < blocks; ++l) {
    MixRequest r = request();
    r.site = Site{Point::resid_pre, static_cast<int>(l)}.name();
    const MixResult one = mix(*transformer_, r);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(all.cells.column("block").numbers()[5 * l + i], static_cast<double>(l));
      for (std::size_t t = 0; t < 3; ++t)
        EXPECT_EQ(all.cells.columns()[2 + t].numbers()[5 * l + i], one.sweep.columns()[1 + t].numbers()[i]);
    }
    EXPECT_EQ(std::isnan(all.crossings.column("p").numbers()[l]), one.crossings.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(tiny, Mix, ::testing::Values("tiny-gpt2", "tiny-llama"),
                         [](const auto& p) { return std::string(p.param).substr(5); });

// A model whose logits are wte . normalised vector: "x" against "y" is 1 for " cat", -3 for " dog" (before the norm's
// scale), so that both are equally likely at p = 3/4 exactly.
std::unique_ptr<Transformer> crossing_at_three_quarters(bool swapped) {
  Tensor rows({80, 6});
  auto put = [&](TokenId id, std::initializer_list<float> v) { std::ranges::copy(v, rows.row(id).begin()); };
  const TokenId x = 23, y = 24, cat = 69, dog = 72;
  put(swapped ? y : x, {1, -1, 0, 0, 0, 0});  // means of zero: the norm only scales
  put(cat, {0.5f, -0.5f, 2, -2, 0, 0});
  put(dog, {-1.5f, 1.5f, 0, 0, 1, -1});
  return std::make_unique<Transformer>(tiny::embedding_only(rows));
}

TEST(Crossing, lies_where_both_words_are_equally_likely) {
  for (bool swapped : {false, true}) {
    const auto transformer = crossing_at_three_quarters(swapped);
    MixRequest r;
    r.text = r.replace = " cat";
    r.with = {" dog"};
    r.targets = {"x", "y"};
    for (const auto& [steps, tolerance] : {std::pair{8, 0.01}, std::pair{17, 1e-6}, std::pair{200, 1e-4}}) {
      r.steps = steps;  // with 17 steps a step falls on the crossing itself: it counts once
      const MixResult result = mix(*transformer, r);
      ASSERT_EQ(result.crossings.size(), 1u) << steps << " steps";
      EXPECT_NEAR(result.crossings[0], 0.75, tolerance) << steps << " steps";
      const auto &a = result.sweep.column("x").numbers(), &b = result.sweep.column("y").numbers();
      EXPECT_EQ(a.front() < b.front(), !swapped);
      EXPECT_EQ(a.back() > b.back(), !swapped);
    }
  }
}

TEST(Crossing, is_absent_where_one_word_is_always_likelier) {
  const auto transformer = crossing_at_three_quarters(false);
  MixRequest r;
  r.text = r.replace = " cat";
  r.with = {"z"};  // a zero vector: its two targets are equally likely, at p = 0 and nowhere else
  r.targets = {"x", "y"};
  r.steps = 9;
  for (double crossing : mix(*transformer, r).crossings) EXPECT_EQ(crossing, 0);
}

}  // namespace
}  // namespace embscope
