// Words, held to the patterns read plainly.
#include <gtest/gtest.h>

#include "plain_words.h"
#include "random_text.h"
#include "text/cutter.h"
#include "text/pre_tokenizer.h"
#include "text/word_starts.h"

namespace embscope {
namespace {

std::vector<std::size_t> word_ends(std::string_view text, PreTokenizer pre) {
  std::vector<std::size_t> ends;
  with_pattern(pre, [&]<PreTokenizer pattern>() {
    for (std::size_t at = 0; at < text.size(); ends.push_back(at)) at = word_end<pattern>(text, at);
  });
  return ends;
}

std::vector<std::string> words(std::string_view text, PreTokenizer pre) {
  std::vector<std::string> list;
  std::size_t begin = 0;
  for (const std::size_t end : word_ends(text, pre)) {
    list.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return list;
}

using Words = std::vector<std::string>;

TEST(Words, of_gpt2) {
  const auto gpt2 = [](std::string_view text) { return words(text, PreTokenizer::gpt2); };
  EXPECT_EQ(gpt2("It's  a\n\n test, 'S 123x"),
            (Words{"It", "'s", " ", " a", "\n\n", " test", ",", " '", "S", " 123", "x"}));
  EXPECT_EQ(gpt2("a \t"), (Words{"a", " \t"}));
  EXPECT_EQ(gpt2(" "), (Words{" "}));
  EXPECT_EQ(gpt2(""), Words{});
}

TEST(Words, of_smollm_are_single_digits) {
  EXPECT_EQ(words("in  42 a", PreTokenizer::smollm), (Words{"in", "  ", "4", "2", " a"}));
  EXPECT_EQ(words("½½", PreTokenizer::smollm), (Words{"½", "½"}));
}

TEST(Words, of_llama3) {
  const auto llama3 = [](std::string_view text) { return words(text, PreTokenizer::llama3); };
  EXPECT_EQ(llama3("We'LL (go) 12345!\n\n  x"),
            (Words{"We", "'LL", " (", "go", ")", " ", "123", "45", "!\n\n", " ", " x"}));
  EXPECT_EQ(llama3("x'ſ y"), (Words{"x", "'ſ", " y"}));  // Unicode folds ſ to s; so do tiktoken and Hugging Face
}

TEST(Words, of_o200k_are_of_one_case_and_have_their_contractions) {
  const auto o200k = [](std::string_view text) { return words(text, PreTokenizer::o200k); };
  EXPECT_EQ(o200k("HTTPServer isn'T (go) 1234/\n/x"),
            (Words{"HTTPServer", " isn'T", " (", "go", ")", " ", "123", "4", "/\n/", "x"}));
  EXPECT_EQ(o200k("camelCase's's"), (Words{"camel", "Case's", "'s"}));
  EXPECT_EQ(o200k("I'll'LLx'ſ"), (Words{"I'll", "'LLx'ſ"}));
  EXPECT_EQ(o200k("Aʰ漢BC"), (Words{"Aʰ漢", "BC"}));      // what has no case ends a word before capitals,
  EXPECT_EQ(o200k("Aʰ漢Bc"), (Words{"Aʰ漢Bc"}));          // but not where small letters follow them
  EXPECT_EQ(o200k("\u0301AB"), (Words{"\u0301", "AB"}));  // a mark is a word, or before one
  EXPECT_EQ(o200k("\u0301Ab!\u0301a!!\u0301a"), (Words{"\u0301Ab", "!\u0301a", "!!\u0301", "a"}));
}

TEST(Words, of_gpt4o_have_the_case_of_ascii) {
  const auto gpt4o = [](std::string_view text) { return words(text, PreTokenizer::gpt4o); };
  EXPECT_EQ(gpt4o("xéÉaB'ſ'S"), (Words{"xéÉa", "B", "'ſ'S"}));
  EXPECT_EQ(gpt4o("a\u0301b"), (Words{"a", "\u0301b"}));
}

TEST(Words, equal_the_patterns_read_plainly) {
  std::mt19937 random(11);
  for (int round = 0; round < 6000; ++round) {
    const std::string made = random_text(random, random() % 40);
    const std::vector<char> exact(made.begin(), made.end());  // nothing behind the text may be read
    const std::string_view text(exact.data(), exact.size());
    for (const PreTokenizer pre : {PreTokenizer::gpt2, PreTokenizer::smollm, PreTokenizer::llama3}) {
      ASSERT_EQ(word_ends(text, pre), PlainWords(text, pre).ends()) << static_cast<int>(pre) << ": " << visible(text);
    }
  }
}

std::vector<std::size_t> ends_at_once(std::string_view text, PreTokenizer pre) {
  std::vector<std::size_t> ends;
  with_pattern(pre, [&]<PreTokenizer pattern>() {
    for (std::size_t at = 0; at < text.size(); at = ends.back())
      next_words<pattern>(text, at, [&](std::size_t end) { ends.push_back(end); });
  });
  return ends;
}

// Text that is mostly ASCII, with what decides where words end in every place of a block.
TEST(Words, are_the_same_found_many_at_once) {
  constexpr std::string_view pieces[] = {"a", "Zq",   "s",    "'",   "'",    "'s",  "'RE", "'ll",   "0", "77",
                                         " ", " ",    "  ",   "\n",  "\r\n", "\n ", "\t",  "\v",    ".", "((",
                                         "_", "\x1f", "\x7f", "the", " of",  "!\n", "é",   "\u00a0"};
  std::mt19937 random(13);
  for (std::size_t round = 0; round < 20'000; ++round) {
    const std::size_t likely = 1 + random() % std::size(pieces);  // few kinds make long runs
    std::string text;
    for (std::size_t i = random() % 160; i > 0; --i) text += pieces[(random() % likely + round) % std::size(pieces)];
    for (const PreTokenizer pre : {PreTokenizer::gpt2, PreTokenizer::smollm, PreTokenizer::llama3, PreTokenizer::qwen2,
                                   PreTokenizer::o200k, PreTokenizer::gpt4o})
      ASSERT_EQ(ends_at_once(text, pre), word_ends(text, pre)) << static_cast<int>(pre) << ": " << visible(text);
  }
}

TEST(Block, has_each_byte_in_its_set) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string text(Block::size, 'a');
    for (const std::size_t at : {0u, 7u, 8u, 35u, 63u}) {
      text[at] = static_cast<char>(byte);
      const Block block(text);
      const auto in = [&](ByteSet set) { return (set >> at & 1) != 0; };
      const bool ascii = byte < 0x80;
      const CharClass kind = ascii ? ascii_classes[byte] : CharClass::other;
      EXPECT_EQ(in(block.letters), kind == CharClass::letter);
      EXPECT_EQ(in(block.digits), kind == CharClass::number);
      EXPECT_EQ(in(block.spaces), kind == CharClass::space);
      EXPECT_EQ(in(block.others()), kind == CharClass::other);
      EXPECT_EQ(in(block.blanks), byte == ' ');
      EXPECT_EQ(in(block.newlines), byte == '\n' || byte == '\r');
      EXPECT_EQ(in(block.quotes), byte == '\'');
      EXPECT_EQ(block.known, ascii ? Block::size : at);
      text[at] = 'a';
    }
  }
}

// The engine of Hugging Face's own tokenizers, with the patterns as its files write them.
TEST(Words, equal_oniguruma) {
  const auto split = [](const char* pattern) {
    CutStep step;
    step.pattern = {pattern, true};
    return step;
  };
  CutStep digits;
  digits.kind = CutStep::Kind::digits;
  const char* gpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  const char* llama3 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const char* qwen2 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const char* o200k =
      R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const char* gpt4o =
      R"([^\r\n\p{L}\p{N}]?(?:(?=\p{L})[^a-z])*(?:(?=\p{L})[^A-Z])+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?(?:(?=\p{L})[^a-z])+(?:(?=\p{L})[^A-Z])*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const std::pair<PreTokenizer, Cutter> all[] = {{PreTokenizer::gpt2, Cutter({split(gpt2)}, "test")},
                                                 {PreTokenizer::smollm, Cutter({digits, split(gpt2)}, "test")},
                                                 {PreTokenizer::llama3, Cutter({split(llama3)}, "test")},
                                                 {PreTokenizer::qwen2, Cutter({split(qwen2)}, "test")},
                                                 {PreTokenizer::o200k, Cutter({split(o200k)}, "test")},
                                                 {PreTokenizer::gpt4o, Cutter({split(gpt4o)}, "test")}};
  std::mt19937 random(12);
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = random_text(random, random() % 40);
    for (const auto& [pre, cutter] : all) {
      std::vector<std::size_t> ends;
      AlignedText aligned = AlignedText::of(text, 0);
      if (!text.empty())
        for (const Part& part : cutter.cut(aligned, false)) ends.push_back(part.end);
      ASSERT_EQ(word_ends(text, pre), ends) << static_cast<int>(pre) << ": " << visible(text);
    }
  }
}

TEST(EightBytes, are_classified_as_one_by_one) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    for (int place = 0; place < 8; ++place) {
      const std::uint64_t word = static_cast<std::uint64_t>(byte) << 8 * place | (place == 0 ? 0xff00 : 0xff);
      const std::uint64_t here = std::uint64_t{0x80} << 8 * place;
      const auto is = [&](CharClass c) { return byte < 128 && ascii_classes[byte] == c ? here : 0; };
      EXPECT_EQ(words::ascii_of<CharClass::letter>(word) & here, is(CharClass::letter));
      EXPECT_EQ(words::ascii_of<CharClass::number>(word) & here, is(CharClass::number));
      EXPECT_EQ(words::ascii_of<CharClass::space>(word) & here, is(CharClass::space));
      EXPECT_EQ(words::ascii_of<CharClass::other>(word) & here, is(CharClass::other));
    }
  }
}

}  // namespace
}  // namespace embscope
