// Where a word of a text is, in tokens.
#include <gmock/gmock.h>

#include "embscope/prompt.h"
#include "refusal.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

// The letters, a space, and "ca", "cat", "at" by merges: "cat" is one token, "hat" is h and at.
class PromptTest : public ::testing::Test {
 protected:
  PromptTest() : tokenizer_(spec()) {}

  static TokenizerSpec spec() {
    TokenizerSpec spec;
    static const std::string letters = "abcdefghijklmnopqrstuvwxyz";
    for (std::size_t i = 0; i < letters.size(); ++i) spec.tokens.emplace_back(std::string_view(letters).substr(i, 1));
    for (const char* token : {"Ġ", "ca", "cat", "at"}) spec.tokens.emplace_back(token);
    spec.merges = {{"c", "a"}, {"ca", "t"}, {"a", "t"}};
    return spec;
  }

  int position(std::string_view text, std::string_view word) const { return position_of(make_prompt(tokenizer_, text), word); }
  std::string searching(std::string_view text, std::string_view word) const {
    return refusal([&] { position(text, word); });
  }

  Tokenizer tokenizer_;
};

TEST_F(PromptTest, a_word_is_where_its_last_token_is) {
  EXPECT_EQ(position("a cat", "cat"), 2);   // a, space, cat
  EXPECT_EQ(position("a cat", " cat"), 2);
  EXPECT_EQ(position("a hat", "hat"), 3);   // a, space, h, at
  EXPECT_EQ(position("a hat", "at"), 3);
  EXPECT_EQ(position("a hat", "a"), 0);     // the other a is part of a token
}

TEST_F(PromptTest, what_is_not_to_be_found_says_why) {
  EXPECT_THAT(searching("a cat", "at"), HasSubstr("is only part of a longer token of the text"));
  EXPECT_THAT(searching("a cat", "ca"), HasSubstr("is only part of a longer token of the text"));
  EXPECT_THAT(searching("a cat", "dog"), HasSubstr("does not occur in the text (a leading space counts)"));
  EXPECT_THAT(searching("cat cat", "cat"), HasSubstr("word 'cat'"));
  EXPECT_THAT(searching("cat", ""), HasSubstr("is empty"));
}

}  // namespace
}  // namespace embscope
