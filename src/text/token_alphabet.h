// The bytes of the tokens of a specification.
#pragma once

#include <optional>
#include <string_view>

#include "embscope/text/tokenizer_spec.h"

namespace embscope {

class TokenAlphabet {
 public:
  explicit TokenAlphabet(const TokenizerSpec& spec)
      : alphabet_(spec.byte_level && !spec.raw_bytes),
        bytes_(spec.byte_level),
        byte_fallback_(spec.byte_fallback),
        mark_(spec.mark) {}

  /// Writes the bytes of a token, at most as many as its text has, and returns their end; null if no text can become
  /// it: it contains a character outside the byte alphabet, or a space although tokens use a mark for it.
  char* write(std::string_view token, char* out) const;
  /// The same of a token that is found as it is written.
  char* write_added(std::string_view token, char* out) const;
  /// The byte of "<0x0A>", where such tokens stand for bytes.
  std::optional<unsigned char> byte_of(std::string_view token) const;

 private:
  char* write_unmarked(std::string_view token, char* out) const;
  bool alphabet_, bytes_, byte_fallback_;
  std::string_view mark_;
};

}  // namespace embscope
