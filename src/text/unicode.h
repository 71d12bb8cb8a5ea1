// Code points of UTF-8 text and the three classes that pre-tokenizers know.
#pragma once

#include <cstdint>
#include <string_view>

namespace embscope {

enum class CharClass : std::uint8_t { letter, number, space, other };

struct CodePoint {
  std::int32_t value;  ///< -1 for a byte that is no valid UTF-8: a character of its own, of class `other`
  int length;          ///< bytes
};

/// The code point at `at`. Precondition: at < text.size().
CodePoint code_point(std::string_view text, std::size_t at);

/// Unicode's \p{L}, \p{N} and White_Space.
CharClass char_class(std::int32_t code);

}  // namespace embscope
