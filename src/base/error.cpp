#include "embscope/error.h"

#include <string_view>

namespace embscope {
namespace {

constexpr std::size_t longest = 3000;

// Names and texts from files and requests end up in messages: they must not break the line, nor steer a terminal.
std::string one_line(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      out += "\\n";
    else if (byte < 0x20 || byte == 0x7f)
      ((out += "\\x") += digits[byte >> 4]) += digits[byte & 15];
    else
      out += c;
  }
  return text.size() > longest ? out + "..." : out;
}

}  // namespace

Error::Error(Code code, const std::string& where, const std::string& message)
    : Error(code, one_line(where), one_line(message), 0) {}

Error::Error(Code code, std::string where, std::string message, int)
    : std::runtime_error("[" + where + "] " + message),
      code_(code),
      where_(std::move(where)),
      message_(std::move(message)) {}

}  // namespace embscope
