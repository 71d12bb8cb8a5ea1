// Tokens of a long mixed text, held to Hugging Face's (tests/reference/make_long_tokens.py makes the same text and the
// hashes).
#include <cctype>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "embscope/model/model.h"

namespace embscope {
namespace {

constexpr std::string_view words[] = {
    "the",   "of",    "and",    "to",     "in",   "is",    "that",  "for",    "it",    "was",   "on",   "are",
    "as",    "with",  "his",    "they",   "at",   "be",    "this",  "from",   "have",  "or",    "by",   "one",
    "had",   "not",   "but",    "what",   "all",  "were",  "when",  "we",     "there", "can",   "an",   "your",
    "which", "their", "said",   "if",     "do",   "will",  "each",  "about",  "how",   "up",    "out",  "them",
    "then",  "she",   "many",   "some",   "so",   "these", "would", "other",  "into",  "has",   "more", "her",
    "two",   "like",  "him",    "see",    "time", "could", "no",    "make",   "than",  "first", "been", "its",
    "who",   "now",   "people", "my",     "made", "over",  "did",   "down",   "only",  "way",   "find", "use",
    "may",   "water", "long",   "little", "very", "after", "words", "called", "just",  "where", "most", "know"};
constexpr std::string_view marks[] = {".",  ",", "!?", "...", "--", "'s", "'ll", "n't", "(", ")",
                                      "\"", ":", ";",  "/",   "@#", "_",  "'RE", " '",  "=="};
constexpr std::string_view spaces[] = {" ", "  ", "\n", "\n\n", "\t", " \n  ", "\r\n", "   \t "};
struct Range {
  unsigned first, last;
};
constexpr Range ranges[] = {{0xC0, 0x17E},      {0x3B1, 0x3C9},   {0x410, 0x44F}, {0x4E00, 0x9FA5}, {0x3041, 0x3096},
                            {0xAC00, 0xD7A3},   {0x627, 0x64A},   {0x905, 0x939}, {0xE01, 0xE30},   {0x1F600, 0x1F64F},
                            {0x1D7CE, 0x1D7FF}, {0x2000, 0x200A}, {0x300, 0x36F}, {0x2160, 0x2188}};
constexpr unsigned plain_ranges = 3;

struct Dice {
  std::uint64_t state;
  unsigned below(std::size_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<unsigned>((state >> 33) % n);
  }
};

void append_utf8(std::string& text, unsigned c) {
  auto put = [&](unsigned byte) { text += static_cast<char>(byte); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xc0 | c >> 6), put(0x80 | (c & 63));
  if (c < 0x10000) return put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
  put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 63)), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
}

void append_word(std::string& text, Dice& dice) {
  std::string word(words[dice.below(std::size(words))]);
  if (dice.below(4) == 0) word[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(word[0])));
  text += " " + word;
}

void append_letters(std::string& text, Dice& dice, bool every) {
  const Range range = ranges[dice.below(every ? std::size(ranges) : plain_ranges)];
  for (unsigned n = 1 + dice.below(6); n > 0; --n)
    append_utf8(text, range.first + dice.below(range.last - range.first + 1));
}

std::string chunk(unsigned number) {
  Dice dice{number};
  std::string text;
  for (int i = 0; i < 500; ++i) {
    const unsigned kind = dice.below(10);
    if (kind < 4)
      append_word(text, dice);
    else if (kind == 4)
      text += std::to_string(dice.below(100000));
    else if (kind == 5)
      text += marks[dice.below(std::size(marks))];
    else if (kind == 6)
      text += spaces[dice.below(std::size(spaces))];
    else
      append_letters(text, dice, number % 2 == 1);
  }
  return text;
}

struct Expected {
  const char* tokenizer;
  unsigned step;  ///< every chunk, or every second: SmolLM2 has no token for some bytes of rarer scripts
  std::size_t bytes, tokens;
  std::uint64_t hash;
};
void PrintTo(const Expected& e, std::ostream* out) { *out << e.tokenizer; }

class LongText : public ::testing::TestWithParam<Expected> {};

TEST_P(LongText, gives_the_ids_of_hugging_face_and_its_bytes_back) {
  const auto tokenizer = open_tokenizer(GetParam().tokenizer);
  std::uint64_t hash = 0xcbf29ce484222325;
  std::size_t bytes = 0, tokens = 0;
  for (unsigned number = 0; number < 400; number += GetParam().step) {
    const std::string text = chunk(number);
    const auto ids = tokenizer->encode_ids(text);
    ASSERT_EQ(tokenizer->decode(ids), text) << "chunk " << number;
    for (const TokenId id : ids) hash = (hash ^ static_cast<std::uint64_t>(id)) * 0x100000001b3;
    bytes += text.size(), tokens += ids.size();
  }
  EXPECT_EQ(bytes, GetParam().bytes);
  EXPECT_EQ(tokens, GetParam().tokens);
  EXPECT_EQ(hash, GetParam().hash);
}

INSTANTIATE_TEST_SUITE_P(reference, LongText,
                         ::testing::Values(Expected{"gpt2", 1, 1038710, 574866, 0x8ee57731eee9abb5},
                                           Expected{"smollm2", 2, 479342, 264777, 0x6de3b98776af93aa}),
                         [](const auto& e) { return std::string(e.param.tokenizer); });

}  // namespace
}  // namespace embscope
