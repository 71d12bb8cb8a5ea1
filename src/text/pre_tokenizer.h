// Splits text into words as the regular expressions of the tokenizers do, without a regular-expression engine.
#pragma once

#include <algorithm>
#include <string_view>

#include "embscope/text/tokenizer.h"
#include "text/eight_bytes.h"
#include "text/unicode.h"

namespace embscope {

/// The end of the word that starts at `begin`. Precondition: begin < text.size().
template <PreTokenizer pre>
std::size_t word_end(std::string_view text, std::size_t begin);

/// Calls `use` with the pattern as a constant: use.template operator()<pre>().
template <class Use>
auto with_pattern(PreTokenizer pre, Use&& use) {
  switch (pre) {
    case PreTokenizer::gpt2: return use.template operator()<PreTokenizer::gpt2>();
    case PreTokenizer::smollm: return use.template operator()<PreTokenizer::smollm>();
    case PreTokenizer::qwen2: return use.template operator()<PreTokenizer::qwen2>();
    case PreTokenizer::o200k: return use.template operator()<PreTokenizer::o200k>();
    case PreTokenizer::gpt4o: return use.template operator()<PreTokenizer::gpt4o>();
    case PreTokenizer::spaces: return use.template operator()<PreTokenizer::spaces>();
    case PreTokenizer::none: return use.template operator()<PreTokenizer::none>();
    case PreTokenizer::llama3: break;
  }
  return use.template operator()<PreTokenizer::llama3>();
}

namespace words {

/// The end of the run of `wanted` characters from `at`, of at most `most` of them, character by character.
std::size_t any_run_end(std::string_view text, std::size_t at, CharClass wanted,
                        std::size_t most = std::string_view::npos);

inline bool is_newline(char c) { return c == '\n' || c == '\r'; }

/// Which of eight bytes are ASCII characters of the class.
template <CharClass wanted>
constexpr std::uint64_t ascii_of(std::uint64_t word) {
  using namespace eight_bytes;
  if constexpr (wanted == CharClass::letter) return letters(word);
  if constexpr (wanted == CharClass::number) return digits(word);
  if constexpr (wanted == CharClass::space) return spaces(word);
  return ~(word | letters(word) | digits(word) | spaces(word)) & all(0x80);
}

/// The end of the run of `wanted` characters from `at`: eight at a time as long as they are ASCII.
template <CharClass wanted>
[[gnu::always_inline]] inline std::size_t run_end(std::string_view text, std::size_t at) {
  for (;; at += 8) {
    const std::uint64_t word = eight_bytes::load(text, at);
    const std::uint64_t rest = ascii_of<wanted>(word) ^ eight_bytes::all(0x80);
    if (rest == 0) continue;
    at += eight_bytes::first(rest);
    const bool ascii = (word & rest & (0 - rest)) == 0;
    return ascii ? at : any_run_end(text, at, wanted);
  }
}

/// 's 't 're 've 'm 'll 'd: its length at the apostrophe `at`, or 0.
std::size_t contraction(std::string_view text, std::size_t at);
/// The same in any case, as Unicode folds it: with 'ſ (U+017F).
std::size_t contraction_in_any_case(std::string_view text, std::size_t at);
/// The same in ASCII letters of any case.
std::size_t contraction_in_any_ascii_case(std::string_view text, std::size_t at);

/// \s+(?!\S)|\s+ for the run of white space begin..end: all of it at the end of the text, else all but its last
/// character, which belongs to the next word, if any is left.
inline std::size_t space_end(std::string_view text, std::size_t begin, std::size_t end, bool at_end_of_text) {
  if (at_end_of_text) return end;
  std::size_t last = end - 1;
  while ((static_cast<unsigned char>(text[last]) & 0xc0) == 0x80) --last;
  return last == begin ? end : last;
}

/// With `digits_alone` each number is a word, and the text ends before it for the pattern.
template <bool digits_alone>
std::size_t gpt2_word_end(std::string_view text, std::size_t begin) {
  if (text[begin] == '\'') {
    if (const std::size_t length = contraction(text, begin)) return begin + length;
  }
  const std::size_t start = begin + (text[begin] == ' ');
  if (start == text.size()) return start;
  switch (class_at(text, start)) {
    case CharClass::letter: return run_end<CharClass::letter>(text, start);
    case CharClass::number:
      if (!digits_alone) return run_end<CharClass::number>(text, start);
      return start > begin ? start : any_run_end(text, start, CharClass::number, 1);
    case CharClass::other: return run_end<CharClass::other>(text, start);
    case CharClass::space: break;
  }
  const std::size_t end = run_end<CharClass::space>(text, start);
  const bool at_end = end == text.size() || (digits_alone && class_at(text, end) == CharClass::number);
  return space_end(text, begin, end, at_end);
}

/// Numbers in words of at most `most_digits`.
std::size_t llama3_word_end(std::string_view text, std::size_t begin, std::size_t most_digits);

/// Words by their case. Without `unicode` only ASCII has case, and marks belong to no word of letters.
template <bool unicode>
std::size_t o200k_word_end(std::string_view text, std::size_t begin);

}  // namespace words

template <PreTokenizer pre>
std::size_t word_end(std::string_view text, std::size_t begin) {
  if constexpr (pre == PreTokenizer::none) return text.size();
  if constexpr (pre == PreTokenizer::spaces) return std::min(text.find(' ', begin + 1), text.size());
  if constexpr (pre == PreTokenizer::llama3) return words::llama3_word_end(text, begin, 3);
  if constexpr (pre == PreTokenizer::qwen2) return words::llama3_word_end(text, begin, 1);
  if constexpr (pre == PreTokenizer::o200k) return words::o200k_word_end<true>(text, begin);
  if constexpr (pre == PreTokenizer::gpt4o) return words::o200k_word_end<false>(text, begin);
  return words::gpt2_word_end<pre == PreTokenizer::smollm>(text, begin);
}

}  // namespace embscope
