#include "text/unicode.h"

#include <vector>

#include <utf8proc.h>

#include "embscope/text/utf8.h"

namespace embscope {
namespace {

CharClass classify(std::int32_t code) {
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return CharClass::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return CharClass::number;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return CharClass::space;
    default: return code == 0x85 ? CharClass::space : CharClass::other;
  }
}

LetterCase find_case(std::int32_t code) {
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT: return LetterCase::capital;
    case UTF8PROC_CATEGORY_LL: return LetterCase::small;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return LetterCase::without;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return LetterCase::mark;
    default: return LetterCase::none;
  }
}

// The 65,536 code points that nearly all text is made of; built (in a third of a millisecond) when first needed.
template <auto property>
const auto& basic_plane() {
  static const auto properties = [] {
    std::vector<decltype(property(0))> table(0x10000);
    for (std::int32_t code = 0; code < 0x10000; ++code) table[static_cast<std::size_t>(code)] = property(code);
    return table;
  }();
  return properties;
}

// Unicode 15, table 3-7: by the first byte, how many bytes follow and what range the second lies in.
struct Lead {
  int length;
  unsigned second_least, second_most;
};

Lead lead(unsigned first) {
  if (first >= 0xc2 && first <= 0xdf) return {2, 0x80, 0xbf};
  if (first >= 0xe0 && first <= 0xef) return {3, first == 0xe0 ? 0xa0u : 0x80u, first == 0xed ? 0x9fu : 0xbfu};
  if (first >= 0xf0 && first <= 0xf4) return {4, first == 0xf0 ? 0x90u : 0x80u, first == 0xf4 ? 0x8fu : 0xbfu};
  return {1, 0, 0};
}

}  // namespace

CodePoint code_point(std::string_view text, std::size_t at) {
  const auto byte = [&](int i) { return static_cast<unsigned char>(text[at + static_cast<std::size_t>(i)]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {static_cast<std::int32_t>(first), 1};
  const Lead sequence = lead(first);
  if (sequence.length == 1 || text.size() - at < static_cast<std::size_t>(sequence.length)) return {-1, 1};
  if (byte(1) < sequence.second_least || byte(1) > sequence.second_most) return {-1, 1};
  std::uint32_t code = first & (0x7fu >> sequence.length);
  for (int i = 1; i < sequence.length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80) return {-1, 1};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  return {static_cast<std::int32_t>(code), sequence.length};
}

CharClass char_class(std::int32_t code) {
  if (code < 0) return CharClass::other;
  if (code < 128) return ascii_classes[static_cast<std::size_t>(code)];
  return code < 0x10000 ? basic_plane<classify>()[static_cast<std::size_t>(code)] : classify(code);
}

LetterCase letter_case(std::int32_t code) {
  if (code < 0) return LetterCase::none;
  return code < 0x10000 ? basic_plane<find_case>()[static_cast<std::size_t>(code)] : find_case(code);
}

bool is_word(std::int32_t code) {
  if (code < 0) return false;
  if (code == 0x200c || code == 0x200d) return true;
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default:
      return char_class(code) == CharClass::letter || (code >= 0x24b6 && code <= 0x24e9) ||
             (code >= 0x1f130 && code <= 0x1f149) || (code >= 0x1f150 && code <= 0x1f169) ||
             (code >= 0x1f170 && code <= 0x1f189);
  }
}

std::string well_formed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    out += c.value < 0 ? std::string_view("\xef\xbf\xbd") : text.substr(at, static_cast<std::size_t>(c.length));
    at += static_cast<std::size_t>(c.length);
  }
  return out;
}

}  // namespace embscope
