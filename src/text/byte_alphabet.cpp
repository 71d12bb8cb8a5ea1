#include "text/byte_alphabet.h"

#include <array>

#include "text/unicode.h"

namespace embscope {
namespace {

struct Alphabet {
  std::array<std::string, 256> characters;
  std::array<int, 512> bytes;  // by code point; -1 for none

  Alphabet() {
    bytes.fill(-1);
    int next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
      const int code = printable ? byte : next++;
      bytes[static_cast<std::size_t>(code)] = byte;
      std::string& text = characters[static_cast<std::size_t>(byte)];
      if (code < 0x80) {
        text = {static_cast<char>(code)};
      } else {
        text = {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
      }
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet a;
  return a;
}

}  // namespace

bool append_bytes_of_alphabet(std::string_view text, std::string& bytes) {
  const auto& table = alphabet().bytes;
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    int code = first;
    std::size_t length = 1;
    if (first >= 0x80) {  // all of the alphabet beyond ASCII takes two bytes
      if ((first & 0xe0) != 0xc0 || at + 1 >= text.size()) return false;
      code = (first & 0x1f) << 6 | (static_cast<unsigned char>(text[at + 1]) & 0x3f);
      length = 2;
    }
    if (code >= 512 || table[static_cast<std::size_t>(code)] < 0) return false;
    bytes += static_cast<char>(table[static_cast<std::size_t>(code)]);
    at += length;
  }
  return true;
}

std::string_view alphabet_character(unsigned char byte) { return alphabet().characters[byte]; }

}  // namespace embscope
