#include "text/byte_alphabet.h"

#include <array>
#include <cstdint>

namespace embscope {
namespace {

// The byte of each code point; -1 for none. Bytes that cannot be printed are the characters from 256 on.
constexpr std::array<std::int16_t, 512> bytes_by_code = [] {
  std::array<std::int16_t, 512> bytes{};
  for (auto& byte : bytes) byte = -1;
  std::size_t next = 256;
  for (std::int16_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    bytes[printable ? static_cast<std::size_t>(byte) : next++] = byte;
  }
  return bytes;
}();

// The same in the other direction.
constexpr std::array<std::uint16_t, 256> codes_by_byte = [] {
  std::array<std::uint16_t, 256> codes{};
  for (std::uint16_t code = 0; code < bytes_by_code.size(); ++code) {
    if (bytes_by_code[code] >= 0) codes[static_cast<std::size_t>(bytes_by_code[code])] = code;
  }
  return codes;
}();

}  // namespace

std::string byte_in_alphabet(unsigned char byte) {
  const unsigned code = codes_by_byte[byte];
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
}

char* write_bytes_of_alphabet(std::string_view text, char* out) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at < end) {
    unsigned code = *at++;
    if (code >= 0x80) {  // all of the alphabet beyond ASCII takes two bytes
      if ((code & 0xe0) != 0xc0 || at == end || (*at & 0xc0) != 0x80) return nullptr;
      code = (code & 0x1f) << 6 | (*at++ & 0x3f);
    }
    if (code >= bytes_by_code.size() || bytes_by_code[code] < 0) return nullptr;
    *out++ = static_cast<char>(bytes_by_code[code]);
  }
  return out;
}

}  // namespace embscope
