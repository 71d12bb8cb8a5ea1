// Cuts text into words, as the regular expressions of the tokenizers do, without a regular-expression engine.
#pragma once

#include <functional>
#include <string_view>

#include "embscope/tokenizer.h"

namespace embscope {

/// The end of the word that starts at `begin` in `text`, by the GPT-2 pattern.
std::size_t gpt2_word_end(std::string_view text, std::size_t begin);

/// The same by the Llama 3 pattern.
std::size_t llama3_word_end(std::string_view text, std::size_t begin);

/// Calls `word(begin, end)` for consecutive words that cover `text`.
template <class F>
void for_words(std::string_view text, PreTokenizer pre, F&& word);

}  // namespace embscope

#include "text/unicode.h"

namespace embscope {

template <class F>
void for_words(std::string_view text, PreTokenizer pre, F&& word) {
  const auto cut = [&](std::size_t begin, std::size_t end, auto&& word_end) {
    const std::string_view part = text.substr(0, end);  // what lies behind `end` is out of sight of the pattern
    while (begin < end) {
      const std::size_t next = word_end(part, begin);
      word(begin, next);
      begin = next;
    }
  };
  if (pre == PreTokenizer::gpt2) return cut(0, text.size(), gpt2_word_end);
  if (pre == PreTokenizer::llama3) return cut(0, text.size(), llama3_word_end);
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    const std::size_t next = at + static_cast<std::size_t>(c.length);
    if (char_class(c.value) == CharClass::number) {
      cut(begin, at, gpt2_word_end);
      word(at, next);
      begin = next;
    }
    at = next;
  }
  cut(begin, text.size(), gpt2_word_end);
}

}  // namespace embscope
