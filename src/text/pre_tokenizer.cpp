#include "text/pre_tokenizer.h"

namespace embscope {
namespace {

CharClass class_at(std::string_view text, std::size_t at) { return char_class(code_point(text, at).value); }

// The end of the run of `wanted` characters from `at`, of at most `most` of them.
std::size_t run_end(std::string_view text, std::size_t at, CharClass wanted, std::size_t most = std::string_view::npos) {
  while (at < text.size() && most > 0) {
    const CodePoint c = code_point(text, at);
    if (char_class(c.value) != wanted) break;
    at += static_cast<std::size_t>(c.length);
    --most;
  }
  return at;
}

bool is_newline(char c) { return c == '\n' || c == '\r'; }

// 's 't 're 've 'm 'll 'd: its length at `at`, or 0.
std::size_t contraction(std::string_view text, std::size_t at, bool any_case) {
  if (text[at] != '\'') return 0;
  std::string_view rest = text.substr(at + 1, 2);
  char lower[2] = {};
  for (std::size_t i = 0; i < rest.size(); ++i) {
    lower[i] = any_case && rest[i] >= 'A' && rest[i] <= 'Z' ? static_cast<char>(rest[i] + 32) : rest[i];
  }
  rest = {lower, rest.size()};
  if (rest == "re" || rest == "ve" || rest == "ll") return 3;
  const bool one = !rest.empty() && (rest[0] == 's' || rest[0] == 't' || rest[0] == 'm' || rest[0] == 'd');
  return one ? 2 : 0;
}

// \s+(?!\S)|\s+ from `begin`: a run of white space gives its last character to the word behind it.
std::size_t space_end(std::string_view text, std::size_t begin) {
  std::size_t at = begin, last = begin;
  while (at < text.size()) {
    const CodePoint c = code_point(text, at);
    if (char_class(c.value) != CharClass::space) break;
    last = at;
    at += static_cast<std::size_t>(c.length);
  }
  return at == text.size() || last == begin ? at : last;
}

}  // namespace

std::size_t gpt2_word_end(std::string_view text, std::size_t begin) {
  if (const std::size_t length = contraction(text, begin, false)) return begin + length;
  const std::size_t start = text[begin] == ' ' && begin + 1 < text.size() ? begin + 1 : begin;
  const CharClass kind = class_at(text, start);
  return kind == CharClass::space ? space_end(text, begin) : run_end(text, start, kind);
}

std::size_t llama3_word_end(std::string_view text, std::size_t begin) {
  if (const std::size_t length = contraction(text, begin, true)) return begin + length;
  const CodePoint first = code_point(text, begin);
  const CharClass kind = char_class(first.value);
  const std::size_t second = begin + static_cast<std::size_t>(first.length);
  if (kind == CharClass::letter) return run_end(text, begin, CharClass::letter);
  const bool one_before = kind != CharClass::number && !is_newline(text[begin]);
  if (one_before && second < text.size() && class_at(text, second) == CharClass::letter) return run_end(text, second, CharClass::letter);
  if (kind == CharClass::number) return run_end(text, begin, CharClass::number, 3);
  const std::size_t start = text[begin] == ' ' && second < text.size() ? second : begin;
  if (class_at(text, start) == CharClass::other) {
    std::size_t at = run_end(text, start, CharClass::other);
    while (at < text.size() && is_newline(text[at])) ++at;
    return at;
  }
  // \s*[\r\n]+: up to the last newline of the run of white space
  const std::size_t run = run_end(text, begin, CharClass::space);
  const std::size_t newline = text.substr(begin, run - begin).find_last_of("\r\n");
  return newline == std::string_view::npos ? space_end(text, begin) : begin + newline + 1;
}

}  // namespace embscope
