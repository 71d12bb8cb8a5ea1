// Bytes as hexadecimal digits.
#pragma once

#include <span>
#include <string>

namespace embscope {

inline std::string hex_of(std::span<const unsigned char> bytes) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) text += {digits[byte >> 4], digits[byte & 15]};
  return text;
}

}  // namespace embscope
