#include "text/pre_tokenizer.h"

namespace embscope::words {
namespace {

std::size_t contraction_of(std::string_view letters) {
  if (letters == "re" || letters == "ve" || letters == "ll") return 3;
  const bool one = !letters.empty() && std::string_view("stmd").find(letters[0]) != std::string_view::npos;
  return one ? 2 : 0;
}

//  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ with or without slashes among the newlines of the first. Neither a
// letter nor a number begins at `begin`.
std::size_t other_end(std::string_view text, std::size_t begin, bool slashes) {
  const std::size_t start = begin + (text[begin] == ' ' && begin + 1 < text.size());
  if (class_at(text, start) == CharClass::other) {
    std::size_t at = run_end<CharClass::other>(text, start);
    while (at < text.size() && (is_newline(text[at]) || (slashes && text[at] == '/'))) ++at;
    return at;
  }
  // \s*[\r\n]+: up to the last newline of the run of white space
  const std::size_t end = run_end<CharClass::space>(text, begin);
  const std::size_t newline = text.substr(begin, end - begin).find_last_of("\r\n");
  return newline == std::string_view::npos ? space_end(text, begin, end, end == text.size()) : begin + newline + 1;
}

template <bool unicode>
LetterCase case_at(std::string_view text, std::size_t at) {
  const char first = text[at];
  if (first >= 'a' && first <= 'z') return LetterCase::small;
  if (first >= 'A' && first <= 'Z') return LetterCase::capital;
  if (static_cast<unsigned char>(first) < 0x80) return LetterCase::none;
  const std::int32_t code = code_point(text, at).value;
  if constexpr (unicode) return letter_case(code);
  return char_class(code) == CharClass::letter ? LetterCase::without : LetterCase::none;
}

// What both classes of the pattern hold.
bool in_both(LetterCase letter) { return letter == LetterCase::without || letter == LetterCase::mark; }

std::size_t ascii_small_end(std::string_view text, std::size_t at) {
  using namespace eight_bytes;
  for (;; at += 8) {
    const std::uint64_t rest = between(load(text, at), 'a', 'z') ^ all(0x80);
    if (rest != 0) return at + first(rest);
  }
}

// [\p{Ll}\p{Lm}\p{Lo}\p{M}]*
template <bool unicode>
std::size_t small_end(std::string_view text, std::size_t begin) {
  std::size_t at = ascii_small_end(text, begin);
  while (at < text.size()) {
    const LetterCase letter = case_at<unicode>(text, at);
    if (letter != LetterCase::small && !in_both(letter)) break;
    at += static_cast<std::size_t>(code_point(text, at).length);
  }
  return at;
}

struct CasedWord {
  std::size_t end;
  bool first;  // by the first alternative, [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+
};

// Where no small letter follows, the first class gives back what the second needs: the last character of both.
template <bool unicode>
CasedWord cased_word(std::string_view text, std::size_t begin) {
  std::size_t at = begin, both = begin;  // both: the end of the last character of both classes
  while (at < text.size()) {
    const LetterCase letter = case_at<unicode>(text, at);
    if (letter == LetterCase::small) return {small_end<unicode>(text, at), true};
    if (letter != LetterCase::capital && !in_both(letter)) break;
    at += static_cast<std::size_t>(code_point(text, at).length);
    if (letter != LetterCase::capital) both = at;
  }
  return both > begin ? CasedWord{both, true} : CasedWord{at, false};
}

}  // namespace

std::size_t any_run_end(std::string_view text, std::size_t at, CharClass wanted, std::size_t most) {
  for (; at < text.size() && most > 0; --most) {
    const CodePoint c = code_point(text, at);
    if (char_class(c.value) != wanted) break;
    at += static_cast<std::size_t>(c.length);
  }
  return at;
}

std::size_t contraction(std::string_view text, std::size_t at) { return contraction_of(text.substr(at + 1, 2)); }

std::size_t contraction_in_any_case(std::string_view text, std::size_t at) {
  return text.substr(at + 1, 2) == "ſ" ? 3 : contraction_in_any_ascii_case(text, at);
}

std::size_t contraction_in_any_ascii_case(std::string_view text, std::size_t at) {
  const std::string_view letters = text.substr(at + 1, 2);
  char lower[2] = {};
  for (std::size_t i = 0; i < letters.size(); ++i) {
    lower[i] = letters[i] >= 'A' && letters[i] <= 'Z' ? static_cast<char>(letters[i] + 32) : letters[i];
  }
  return contraction_of({lower, letters.size()});
}

std::size_t llama3_word_end(std::string_view text, std::size_t begin, std::size_t most_digits) {
  if (text[begin] == '\'') {
    if (const std::size_t length = contraction_in_any_case(text, begin)) return begin + length;
  }
  const CharClass kind = class_at(text, begin);
  if (kind == CharClass::letter) return run_end<CharClass::letter>(text, begin);
  if (kind == CharClass::number) return any_run_end(text, begin, CharClass::number, most_digits);
  const std::size_t second = begin + static_cast<std::size_t>(code_point(text, begin).length);
  if (second < text.size() && !is_newline(text[begin]) && class_at(text, second) == CharClass::letter) {
    return run_end<CharClass::letter>(text, second);
  }
  return other_end(text, begin, false);
}

template <bool unicode>
std::size_t o200k_word_end(std::string_view text, std::size_t begin) {
  const CharClass kind = class_at(text, begin);
  if (kind == CharClass::number) return any_run_end(text, begin, CharClass::number, 3);
  const bool one_before = kind != CharClass::letter && !is_newline(text[begin]);
  const std::size_t start = begin + (one_before ? static_cast<std::size_t>(code_point(text, begin).length) : 0);
  CasedWord word = cased_word<unicode>(text, start);
  // A mark may stand before a word or begin it: the first alternative tries both before the second is tried.
  if (!word.first && case_at<unicode>(text, begin) == LetterCase::mark) word = {start, true};
  if (!word.first && word.end == start) return other_end(text, begin, true);
  if (word.end == text.size() || text[word.end] != '\'') return word.end;
  return word.end + (unicode ? contraction_in_any_case(text, word.end) : contraction_in_any_ascii_case(text, word.end));
}

template std::size_t o200k_word_end<true>(std::string_view text, std::size_t begin);
template std::size_t o200k_word_end<false>(std::string_view text, std::size_t begin);

}  // namespace embscope::words
