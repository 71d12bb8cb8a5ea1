// Code points of UTF-8 text and the three classes that pre-tokenizers know.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace embscope {

enum class CharClass : std::uint8_t { letter, number, space, other };

struct CodePoint {
  std::int32_t value;  ///< -1 for a byte that is not valid UTF-8: a character of its own, of class `other`
  int length;          ///< bytes
};

/// The code point at `at`. Precondition: at < text.size().
CodePoint code_point(std::string_view text, std::size_t at);

/// Unicode's \p{L}, \p{N} and White_Space.
CharClass char_class(std::int32_t code);

/// \p{Lu} and \p{Lt}, \p{Ll}, \p{Lm} and \p{Lo}, \p{M}, all else.
enum class LetterCase : std::uint8_t { capital, small, without, mark, none };
LetterCase letter_case(std::int32_t code);

/// \w of Rust's regular expressions: letters and other alphabetic characters, marks, digits, connectors, joiners.
bool is_word(std::int32_t code);

inline constexpr std::array<CharClass, 128> ascii_classes = [] {
  std::array<CharClass, 128> classes{};
  for (unsigned c = 0; c < 128; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), number = c >= '0' && c <= '9';
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    classes[c] = letter ? CharClass::letter : number ? CharClass::number : space ? CharClass::space : CharClass::other;
  }
  return classes;
}();

/// The class of the character at `at`. Precondition: at < text.size().
inline CharClass class_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  return first < 0x80 ? ascii_classes[first] : char_class(code_point(text, at).value);
}

}  // namespace embscope
