#include <fmt/format.h>
#include <utf8proc.h>

#include "embscope/text/tokenizer.h"
#include "text/unicode.h"

namespace embscope {
namespace {

bool is_text(std::int32_t code) {
  if (code < 0) return false;
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return false;
    default: return code == ' ' || char_class(code) != CharClass::space;
  }
}

}  // namespace

std::string visible(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const CodePoint c = code_point(bytes, at);
    const std::string_view character = bytes.substr(at, static_cast<std::size_t>(c.length));
    at += character.size();
    if (c.value == ' ')
      out += "␣";
    else if (c.value == '\n')
      out += "⏎";
    else if (c.value == '\t')
      out += "⇥";
    else if (is_text(c.value))
      out += character;
    else
      for (unsigned char byte : character) out += fmt::format("<0x{:02X}>", byte);
  }
  return out;
}

}  // namespace embscope
