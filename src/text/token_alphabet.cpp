#include "text/token_alphabet.h"

#include <algorithm>
#include <charconv>

#include "text/byte_alphabet.h"

namespace embscope {

char* TokenAlphabet::write(std::string_view token, char* out) const {
  if (alphabet_) return write_bytes_of_alphabet(token, out);
  if (!mark_.empty() && std::ranges::find(token, ' ') != token.end()) return nullptr;
  return write_unmarked(token, out);
}

char* TokenAlphabet::write_added(std::string_view token, char* out) const {
  return bytes_ ? std::copy(token.begin(), token.end(), out) : write_unmarked(token, out);
}

// Most tokens have the mark at their beginning only.
char* TokenAlphabet::write_unmarked(std::string_view token, char* out) const {
  if (mark_.empty()) return std::copy(token.begin(), token.end(), out);
  while (!token.empty()) {
    if (token.starts_with(mark_)) {
      *out++ = ' ';
      token.remove_prefix(mark_.size());
      continue;
    }
    std::size_t plain = 1;
    while (plain < token.size() && token[plain] != mark_[0]) ++plain;
    out = std::copy_n(token.data(), plain, out);
    token.remove_prefix(plain);
  }
  return out;
}

std::optional<unsigned char> TokenAlphabet::byte_of(std::string_view token) const {
  if (!byte_fallback_ || token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  unsigned char byte = 0;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
  const bool upper = std::ranges::none_of(token, [](char c) { return c >= 'a' && c <= 'f'; });
  return error == std::errc() && end == token.data() + 5 && upper ? std::optional(byte) : std::nullopt;
}

}  // namespace embscope
