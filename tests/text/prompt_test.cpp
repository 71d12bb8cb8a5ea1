// Where a word of a text is, in tokens.
#include <gmock/gmock.h>

#include "embscope/text/prompt.h"
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

  int position(std::string_view text, std::string_view word) const {
    return position_of(make_prompt(tokenizer_, text), word);
  }
  std::string searching(std::string_view text, std::string_view word) const {
    return refusal([&] { position(text, word); });
  }

  Tokenizer tokenizer_;
};

TEST_F(PromptTest, a_word_is_where_its_last_token_is) {
  EXPECT_EQ(position("a cat", "cat"), 2);  // a, space, cat
  EXPECT_EQ(position("a cat", " cat"), 2);
  EXPECT_EQ(position("a hat", "hat"), 3);  // a, space, h, at
  EXPECT_EQ(position("a hat", "at"), 3);
  EXPECT_EQ(position("a hat", "a"), 0);  // the other a is part of a token
}

TEST_F(PromptTest, an_occurrence_is_named_by_its_number) {
  const std::string text = "cat hat cat at cat";  // cat 0, space, h, at 3, space, cat 5, space, at 7, space, cat 9
  EXPECT_EQ(position(text, "cat[1]"), 0);
  EXPECT_EQ(position(text, "cat[2]"), 5);
  EXPECT_EQ(position(text, "cat[3]"), 9);
  EXPECT_EQ(position(text, "cat[-1]"), 9);
  EXPECT_EQ(position(text, " cat[1]"), 5) << "with its space";
  EXPECT_EQ(position_of_word(make_prompt(tokenizer_, text), "cat", 2), 5);
  EXPECT_THAT(searching(text, "cat"),
              HasSubstr("at positions 0, 5, 9: say which, by its number, as occurrence [1] to [3]"));
  EXPECT_THAT(searching(text, "cat[4]"), HasSubstr("occurrence [4]: it occurs 3 times, at 0, 5, 9"));
  EXPECT_THAT(searching(text, "cat[-4]"), HasSubstr("occurrence [-4]"));
  EXPECT_THAT(searching(text, "cat[0]"), HasSubstr("occurrences count from 1"));
  EXPECT_THAT(searching(text, "dog[1]"), HasSubstr("word 'dog'] does not occur"));
  for (const char* odd : {"cat[]", "cat[x]", "cat[1", "cat1]", "[1]", "cat[99999999999]", "cat[1][1]"})
    EXPECT_THAT(searching(text, odd), HasSubstr("does not occur")) << odd;
}

TEST_F(PromptTest, a_position_is_named_by_its_number_or_its_token) {
  const std::string text = "a cat at";  // a, space, cat, space, at
  EXPECT_EQ(position(text, "3"), 3);
  EXPECT_EQ(position(text, "@3"), 3);
  EXPECT_EQ(position(text, "-1"), 4);
  EXPECT_EQ(position(text, "@-1"), 4);
  EXPECT_EQ(position(text, "#28"), 2);  // the id of cat
  EXPECT_EQ(position(text, "#26[2]"), 3);
  EXPECT_EQ(position_of_token(make_prompt(tokenizer_, text), 26, -1), 3);
  EXPECT_THAT(searching(text, "#26"), HasSubstr("token #26] occurs more than once, at positions 1, 3"));
  EXPECT_THAT(searching(text, "#4"), HasSubstr("token #4] does not occur in the text (position 4 is written 4 or @4)"));
  EXPECT_THAT(searching(text, "#99999999999"), HasSubstr("beyond every vocabulary"));
  EXPECT_THAT(searching(text, "5"), HasSubstr("position 5: the text has positions 0..4"));
  EXPECT_THAT(searching(text, "@"), HasSubstr("does not occur"));
  EXPECT_THAT(searching(text, "99999999999"), HasSubstr("does not occur"));
}

// Letters and digits, each a token: what is in the text as it is written is that word, even where it could be a
// position.
TEST(PromptOfCode, what_the_text_holds_as_it_is_written_is_that_word) {
  TokenizerSpec spec;
  static const std::string characters = "abc0123456789[]@#=";
  for (std::size_t i = 0; i < characters.size(); ++i)
    spec.tokens.emplace_back(std::string_view(characters).substr(i, 1));
  const Tokenizer tokenizer(spec);
  const auto position = [&](std::string_view text, std::string_view name) {
    return position_of(make_prompt(tokenizer, text), name);
  };
  EXPECT_EQ(position("a=a[2]", "a[2]"), 5) << "the word a[2], by its last token";
  EXPECT_EQ(position("b=a=a", "a[2]"), 4);
  EXPECT_EQ(position("b=0", "0"), 2);
  EXPECT_EQ(position("b=0", "@0"), 0);
  EXPECT_EQ(position("#5=b", "##5"), 1);
  EXPECT_EQ(position("5=b#4", "#8"), 0) << "token 8 is 5";
}

TEST_F(PromptTest, a_word_is_found_with_its_space_where_that_is_how_the_text_has_it) {
  TokenizerSpec with_space = spec();
  with_space.tokens.emplace_back("Ġcat");
  with_space.merges.emplace_back("Ġ", "cat");
  const Tokenizer tokenizer(with_space);
  const auto at = [&](std::string_view text, std::string_view name) {
    return position_of(make_prompt(tokenizer, text), name);
  };
  EXPECT_EQ(at("a cat", "cat"), 1);
  EXPECT_EQ(at("a cat", " cat"), 1);
  EXPECT_EQ(at("cat cat", "cat"), 0) << "as it is written wins";
  EXPECT_EQ(at("cat cat", "cat[2]"), 1);
  EXPECT_EQ(at("cat cat", " cat"), 1);
  EXPECT_THAT(refusal([&] { at("a cat cat", "cat"); }), HasSubstr("at positions 1, 2"));
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
