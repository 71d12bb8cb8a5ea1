// GPT-2's alphabet, and what is none of it.
#include <gtest/gtest.h>

#include "text/byte_alphabet.h"

namespace embscope {
namespace {

// What `text` stands for, or "none".
std::string bytes_of(std::string_view text) {
  std::string bytes(text.size(), '\0');
  char* const end = write_bytes_of_alphabet(text, bytes.data());
  if (end == nullptr) return "none";
  bytes.resize(static_cast<std::size_t>(end - bytes.data()));
  return bytes;
}

TEST(ByteAlphabet, has_a_character_for_each_byte) {
  EXPECT_EQ(bytes_of("aĠÃ©Ċ"), "a \xc3\xa9\n");
  EXPECT_EQ(bytes_of("ĀŃ"), std::string("\0\xad", 2));  // the first and the last of those beyond Latin-1
  EXPECT_EQ(bytes_of(""), "");
}

TEST(ByteAlphabet, refuses_other_characters_and_what_is_no_text) {
  for (const char* text : {" ", "\n", "\u00ad", "ń", "中", "😀", "aĠń"}) EXPECT_EQ(bytes_of(text), "none") << text;
  for (const char* text : {"\xc4", "\xa9", "\xc4z", "\xe4\xb8", "\xe4\xb8z", "z\xe4\xb8"}) EXPECT_EQ(bytes_of(text), "none") << text;
  EXPECT_EQ(bytes_of(std::string_view("Ġ").substr(0, 1)), "none");  // what follows the text is not looked at
}

}  // namespace
}  // namespace embscope
