#include "text/unicode.h"

#include <array>

#include <utf8proc.h>

namespace embscope {
namespace {

CharClass classify(std::int32_t code) {
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL: case UTF8PROC_CATEGORY_LT: case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return CharClass::letter;
    case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL: case UTF8PROC_CATEGORY_NO:
      return CharClass::number;
    case UTF8PROC_CATEGORY_ZS: case UTF8PROC_CATEGORY_ZL: case UTF8PROC_CATEGORY_ZP:
      return CharClass::space;
    default:
      return (code >= 0x09 && code <= 0x0d) || code == 0x85 ? CharClass::space : CharClass::other;
  }
}

}  // namespace

CodePoint code_point(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1};
  std::int32_t code = -1;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at);
  const auto length = utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size() - at), &code);
  return length > 0 ? CodePoint{code, static_cast<int>(length)} : CodePoint{-1, 1};
}

CharClass char_class(std::int32_t code) {
  static const std::array<CharClass, 128> ascii = [] {
    std::array<CharClass, 128> table{};
    for (std::int32_t c = 0; c < 128; ++c) table[static_cast<std::size_t>(c)] = classify(c);
    return table;
  }();
  if (code < 0) return CharClass::other;
  return code < 128 ? ascii[static_cast<std::size_t>(code)] : classify(code);
}

}  // namespace embscope
