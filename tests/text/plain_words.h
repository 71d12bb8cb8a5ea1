// The pre-tokenizers as their patterns read: alternative by alternative, one character at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <utf8proc.h>

#include "embscope/text/tokenizer.h"

namespace embscope {

class PlainWords {
 public:
  PlainWords(std::string_view text, PreTokenizer pre) : text_(text), pre_(pre) {
    for (std::size_t at = 0; at < text.size(); at += chars_.back().length) chars_.push_back(read(at));
  }

  /// The end of each word, in bytes.
  std::vector<std::size_t> ends() const {
    std::vector<std::size_t> ends;
    std::size_t byte = 0;
    for (std::size_t i = 0; i < chars_.size();) {
      const std::size_t next = word_end(i);
      for (; i < next; ++i) byte += chars_[i].length;
      ends.push_back(byte);
    }
    return ends;
  }

 private:
  struct Char {
    std::int32_t code;
    std::size_t length;
    char kind;  // L, N, S (white space), O
  };

  Char read(std::size_t at) const {
    std::int32_t code = -1;
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text_.data() + at);
    const auto length = utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text_.size() - at), &code);
    if (length < 0) return {-1, 1, 'O'};
    const char category = utf8proc_category_string(code)[0];
    const bool space = category == 'Z' || (code >= 0x09 && code <= 0x0d) || code == 0x85;
    return {code, static_cast<std::size_t>(length), space ? 'S' : category == 'L' || category == 'N' ? category : 'O'};
  }

  std::size_t word_end(std::size_t i) const { return pre_ == PreTokenizer::llama3 ? llama3(i) : gpt2(i); }

  bool is(std::size_t i, std::size_t end, char kind) const { return i < end && chars_[i].kind == kind; }
  bool is_code(std::size_t i, std::size_t end, std::int32_t code) const { return i < end && chars_[i].code == code; }
  std::size_t run(std::size_t i, std::size_t end, char kind) const {
    while (is(i, end, kind)) ++i;
    return i;
  }

  // 's|'t|'re|'ve|'m|'ll|'d, with (?i: ) when `fold`; `i` where it does not match
  std::size_t contraction(std::size_t i, std::size_t end, bool fold) const {
    const auto letter = [&](std::size_t k, char c) {
      return is_code(k, end, c) || (fold && (is_code(k, end, c - 32) || (c == 's' && is_code(k, end, 0x17f))));
    };
    if (!is_code(i, end, '\'')) return i;
    for (const std::string_view rest : {"s", "t", "re", "ve", "m", "ll", "d"}) {
      std::size_t k = 0;
      while (k < rest.size() && letter(i + 1 + k, rest[k])) ++k;
      if (k == rest.size()) return i + 1 + k;
    }
    return i;
  }

  // \s+(?!\S)|\s+
  std::size_t spaces(std::size_t i, std::size_t end) const {
    const std::size_t stop = run(i, end, 'S');
    return stop == end || stop == i + 1 ? stop : stop - 1;
  }

  std::size_t gpt2(std::size_t i) const {
    std::size_t end = chars_.size();
    if (pre_ == PreTokenizer::smollm) {  // each number is cut out first
      if (is(i, end, 'N')) return i + 1;
      end = i;
      while (end < chars_.size() && chars_[end].kind != 'N') ++end;
    }
    if (const std::size_t stop = contraction(i, end, false); stop > i) return stop;
    for (const char kind : {'L', 'N', 'O'}) {
      const std::size_t start = i + (is_code(i, end, ' ') ? 1 : 0);
      if (is(start, end, kind)) return run(start, end, kind);
    }
    return spaces(i, end);
  }

  std::size_t llama3(std::size_t i) const {
    const std::size_t end = chars_.size();
    const auto newline = [&](std::size_t k) { return is_code(k, end, '\n') || is_code(k, end, '\r'); };
    if (const std::size_t stop = contraction(i, end, true); stop > i) return stop;
    const bool one_before = !newline(i) && !is(i, end, 'L') && !is(i, end, 'N');
    if (is(i + one_before, end, 'L')) return run(i + one_before, end, 'L');
    if (is(i, end, 'N')) return std::min(run(i, end, 'N'), i + 3);
    const std::size_t start = i + (is_code(i, end, ' ') ? 1 : 0);
    if (is(start, end, 'O')) {
      std::size_t stop = run(start, end, 'O');
      while (newline(stop)) ++stop;
      return stop;
    }
    for (std::size_t stop = run(i, end, 'S'); stop > i; --stop) {
      if (newline(stop - 1)) return stop;
    }
    return spaces(i, end);
  }

  std::string_view text_;
  PreTokenizer pre_;
  std::vector<Char> chars_;
};

}  // namespace embscope
