// GPT-2's alphabet of bytes, held to its definition (openai/gpt-2, encoder.py, bytes_to_unicode).
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <utf8proc.h>

#include "text/byte_alphabet.h"

namespace embscope {
namespace {

std::optional<std::string> bytes_of(std::string_view text) {
  std::string out(text.size(), '\0');
  const char* const end = write_bytes_of_alphabet(text, out.data());
  if (end == nullptr) return {};
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out;
}

std::string utf8(std::int32_t code) {
  utf8proc_uint8_t bytes[4];
  return {reinterpret_cast<char*>(bytes), static_cast<std::size_t>(utf8proc_encode_char(code, bytes))};
}

TEST(ByteAlphabet, has_a_character_for_every_byte_and_no_others) {
  const auto prints = [](int byte) {
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  };
  std::vector<int> byte_of(0x110000, -1);
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) byte_of[static_cast<std::size_t>(prints(byte) ? byte : next++)] = byte;
  for (std::int32_t code = 1; code < 0x110000; ++code) {
    if (code >= 0xd800 && code <= 0xdfff) continue;  // surrogates are not characters
    const int byte = byte_of[static_cast<std::size_t>(code)];
    const auto expected = byte < 0 ? std::optional<std::string>() : std::string(1, static_cast<char>(byte));
    ASSERT_EQ(bytes_of(utf8(code)), expected) << code;
  }
  EXPECT_EQ(bytes_of("\u0120caf\u00c3\u00a9"), " caf\xc3\xa9");
  EXPECT_EQ(bytes_of(""), "");
}

TEST(ByteAlphabet, takes_no_half_characters) {
  const std::string_view whole = "\u0120";
  EXPECT_FALSE(bytes_of(whole.substr(0, 1)));  // whatever lies behind the text
  EXPECT_FALSE(bytes_of(whole.substr(1)));
  EXPECT_FALSE(bytes_of("\xc4z"));
  EXPECT_FALSE(bytes_of("\xe4\xb8"));  // two of three
}

}  // namespace
}  // namespace embscope
