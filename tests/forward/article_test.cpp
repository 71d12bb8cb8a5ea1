// The article's own figures, on the real GPT-2 small: EMBSCOPE_GPT2 names its folder.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <gtest/gtest.h>

#include "embscope/forward/transformer.h"

namespace embscope {
namespace {

class Article : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("EMBSCOPE_GPT2");
    if (folder == nullptr) GTEST_SKIP() << "EMBSCOPE_GPT2 does not name a folder with GPT-2 small";
    model_ = Model::open(folder);
    transformer_ = std::make_unique<Transformer>(model_);
  }

  TokenId id(std::string_view word) const { return token_named(*model_, word).id; }

  double cosine(std::string_view a, std::string_view b) const {
    const Tensor x = model_->embedding(id(a)), y = model_->embedding(id(b));
    double xy = 0, xx = 0, yy = 0;
    for (std::size_t i = 0; i < x.values().size(); ++i) {
      const double p = x.values()[i], q = y.values()[i];
      xy += p * q, xx += p * p, yy += q * q;
    }
    return xy / std::sqrt(xx * yy);
  }

  // Probabilities of Berlin and Paris when p of Germany is left.
  std::pair<double, double> answer(float p) const {
    Request request;
    request.rows = {model_->tokenizer().encode("The capital of Germany is").ids};
    const Tensor france = model_->embedding(id(" France"));
    Edit edit;
    edit.site = {Point::wte, -1};
    edit.change = Change::mix;
    edit.positions = {3};
    edit.amount = p;
    edit.vector = {france.values().begin(), france.values().end()};
    request.edits = {edit};
    const Result result = transformer_->run(request);
    const auto logits = result.rows[0].logits.values();
    double sum = 0;
    for (float x : logits) sum += std::exp(static_cast<double>(x));
    const auto probability = [&](std::string_view word) {
      return std::exp(static_cast<double>(logits[static_cast<std::size_t>(id(word))])) / sum;
    };
    return {probability(" Berlin"), probability(" Paris")};
  }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Transformer> transformer_;
};

TEST_F(Article, cosines) {
  EXPECT_NEAR(cosine("hello", "world"), .30, .005);
  EXPECT_NEAR(cosine(" hello", " world"), .21, .005);
}

TEST_F(Article, the_capital_of_Germany) {
  const auto [berlin, paris] = answer(1);
  EXPECT_NEAR(berlin, .0527, .0001);
  EXPECT_NEAR(paris, .0013, .0001);
}

TEST_F(Article, France_in_place) {
  const auto [berlin, paris] = answer(0);
  EXPECT_NEAR(paris / berlin, 20, 5);
}

TEST_F(Article, half_and_half) {
  const auto [berlin, paris] = answer(.5f);
  EXPECT_GT(berlin, paris);
}

}  // namespace
}  // namespace embscope
