// What tokens have become at a site behind a text: the same bits as running each text alone.
#include "embscope/runs/in_context.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "embscope/vocabulary/analogy.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

class InContext : public ::testing::TestWithParam<const char*> {
 protected:
  const Transformer transformer_{Model::open(EMBSCOPE_TEST_DATA "/reference/" + std::string(GetParam()))};
  const std::vector<TokenId> before_ = {5, 17, 3};

  Tensor alone(const Site& site, const std::vector<TokenId>& before, TokenId token) const {
    Request request;
    request.rows = {before};
    request.rows[0].push_back(token);
    request.capture = {site};
    return std::move(transformer_.run(request).rows[0].captured[0]);
  }
  void expect_refused(const Site& site, std::vector<TokenId> tokens, Code code, const std::string& says) const {
    try {
      in_context(transformer_, site, before_, tokens);
      ADD_FAILURE() << says << ": accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      EXPECT_THAT(e.what(), HasSubstr(says));
    }
  }
};

TEST_P(InContext, a_token_has_the_bits_of_its_text_alone) {
  for (const char* name : {"wte", "blocks.0.q", "blocks.1.resid_post", "ln_final"}) {
    const Site site = parse_site(name, transformer_.config());
    for (const auto& before : {before_, std::vector<TokenId>()}) {
      const std::vector<TokenId> tokens = {41, 5, 41, 0};
      const Tensor found = in_context(transformer_, site, before, tokens);
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        const Tensor expected = alone(site, before, tokens[i]);
        const auto width = static_cast<std::size_t>(found.columns());
        EXPECT_TRUE(std::ranges::equal(found.row(static_cast<std::int64_t>(i)), expected.values().last(width)))
            << name << i;
      }
    }
  }
}

TEST_P(InContext, more_tokens_than_a_batch_holds) {
  std::vector<TokenId> tokens;
  for (int i = 0; i < 1100; ++i) tokens.push_back(i % 60);
  const Site site = parse_site("blocks.0.resid_post", transformer_.config());
  const Tensor found = in_context(transformer_, site, before_, tokens);
  ASSERT_EQ(found.rows(), 1100);
  for (std::int64_t i : {59, 511, 512, 1099}) EXPECT_TRUE(std::ranges::equal(found.row(i), found.row(i % 60))) << i;
}

TEST_P(InContext, what_has_no_vector_is_refused_and_a_caller_can_stop_it) {
  expect_refused({Point::resid_post, 0}, {}, Code::usage, "no tokens");
  expect_refused({Point::pattern, 0}, {1}, Code::usage, "no vector for each position");
  expect_refused({Point::resid_post, 0}, {1 << 20}, Code::range, "");
  int asked = 0;
  EXPECT_THROW(in_context(transformer_, {Point::resid_post, 0}, before_, std::vector<TokenId>(2000, 3),
                          [&](double, std::string_view) { return ++asked < 2; }),
               Error);
  EXPECT_EQ(asked, 2);
}

INSTANTIATE_TEST_SUITE_P(Models, InContext, ::testing::Values("tiny-gpt2", "tiny-llama"));

TEST(WordsInContext, AreTheVectorsOfTheirLastTokens) {
  const auto model = tiny::open("tiny-gpt2");
  const Transformer transformer(model);
  const Site site = parse_site("blocks.1.resid_post", transformer.config());
  const Relation relations[] = {{"pets", {{" cat", " dog", " cat", {" is", "zz"}}}}};
  const std::vector<std::string> words = words_of(relations);
  EXPECT_THAT(words, ::testing::ElementsAre(" cat", " dog", " is", "zz"));
  const Space space = words_in_context(transformer, words, "The{} a", site);
  EXPECT_THAT(space.name, HasSubstr("blocks.1.resid_post, in 'The{} a'"));
  for (std::size_t w = 0; w < words.size(); ++w) {
    Request request;
    request.rows = {model->tokenizer().encode("The" + words[w] + " a").ids};
    request.capture = {site};
    const Tensor captured = transformer.run(request).rows[0].captured[0].clone();
    const auto vector = captured.row(words[w] == "zz" ? 2 : 1);  // "The", the word of one token or two, " a"
    EXPECT_THAT(space.vectors.row(static_cast<std::int64_t>(w)), ::testing::ElementsAreArray(vector)) << words[w];
  }
  EXPECT_THROW(words_in_context(transformer, words, "The cat", site), Error);
  EXPECT_THROW(words_in_context(transformer, words, "The{}", parse_site("blocks.1.mlp_post", transformer.config())),
               Error);
}

TEST(WordsInContext, TakesTheWordsLastToken) {
  const Transformer transformer(Model::open(EMBSCOPE_TEST_DATA "/reference/tiny-gpt2"));
  const std::vector<std::string> words = {"x"};
  if (!transformer.model().has_tokenizer()) {
    EXPECT_THROW(words_in_context(transformer, words, "a {}", {Point::resid_post, 0}), Error);
  }
  EXPECT_THROW(words_in_context(transformer, words, "no gap", {Point::resid_post, 0}), Error);
}

}  // namespace
}  // namespace embscope
