#include "text/pre_tokenizer.h"

namespace embscope::words {
namespace {

std::size_t contraction_of(std::string_view letters) {
  if (letters == "re" || letters == "ve" || letters == "ll") return 3;
  const bool one = !letters.empty() && std::string_view("stmd").find(letters[0]) != std::string_view::npos;
  return one ? 2 : 0;
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
  const std::string_view letters = text.substr(at + 1, 2);
  if (letters == "ſ") return 3;
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
  const std::size_t start = text[begin] == ' ' && second < text.size() ? second : begin;
  if (class_at(text, start) == CharClass::other) {
    std::size_t at = run_end<CharClass::other>(text, start);
    while (at < text.size() && is_newline(text[at])) ++at;
    return at;
  }
  // \s*[\r\n]+: up to the last newline of the run of white space
  const std::size_t end = run_end<CharClass::space>(text, begin);
  const std::size_t newline = text.substr(begin, end - begin).find_last_of("\r\n");
  return newline == std::string_view::npos ? space_end(text, begin, end, end == text.size()) : begin + newline + 1;
}

}  // namespace embscope::words
