// How the tokens of a specification are written, and the bytes that they stand for.
#pragma once

#include <optional>
#include <string_view>

#include "embscope/text/tokenizer_spec.h"

namespace embscope {

class TokenAlphabet {
 public:
  explicit TokenAlphabet(const TokenizerSpec& spec)
      : byte_level_(spec.byte_level), byte_fallback_(spec.byte_fallback), mark_(spec.mark) {}

  /// Writes the bytes that a token stands for, at most as many as it has itself, and gives their end; null where no
  /// text can become it: it holds a character that is none of the byte alphabet, or a space where tokens have a mark
  /// for it.
  char* write(std::string_view token, char* out) const;
  /// The same of a token that is found as it is written.
  char* write_added(std::string_view token, char* out) const;
  /// The byte of "<0x0A>", where such tokens stand for bytes.
  std::optional<unsigned char> byte_of(std::string_view token) const;

 private:
  char* write_unmarked(std::string_view token, char* out) const;
  bool byte_level_, byte_fallback_;
  std::string_view mark_;
};

}  // namespace embscope
