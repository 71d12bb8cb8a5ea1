#include "live_text.h"

#include <cstdio>

#include <fmt/format.h>

#include "command.h"

namespace embscope::cli {
namespace {

// How many bytes of a UTF-8 character follow from its first one; 1 where it is not the first of one.
std::size_t length_by(unsigned char first) {
  if (first < 0xc2 || first > 0xf4) return 1;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

// The bytes of whole characters: all but a character at the end that more bytes may complete.
std::size_t whole_characters(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    return length_by(byte) > back ? text.size() - back : text.size();
  }
  return text.size();
}

// U+0000 to U+001F and U+007F to U+009F are ones.
std::string without_controls(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (byte == 0xc2 && next >= 0x80 && next < 0xa0)
      out += fmt::format("\\x{:02x}", next), ++i;
    else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += text[i];
  }
  return out;
}

bool print(std::string_view text) {
  const std::string shown = is_terminal(Stream::output) ? without_controls(text) : std::string(text);
  return std::fwrite(shown.data(), 1, shown.size(), stdout) == shown.size() && std::fflush(stdout) == 0;
}

}  // namespace

bool LiveText::write(std::string_view bytes) {
  rest_ += bytes;
  const std::size_t whole = whole_characters(rest_);
  const bool written = print(std::string_view(rest_).substr(0, whole));
  rest_.erase(0, whole);
  return written;
}

void LiveText::finish() {
  print(rest_);
  rest_.clear();
  if (std::ferror(stdout) != 0) throw output_error();
}

}  // namespace embscope::cli
