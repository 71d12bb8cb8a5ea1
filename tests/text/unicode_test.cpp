// Code points and their classes, held to utf8proc.
#include <gtest/gtest.h>
#include <utf8proc.h>

#include "embscope/text/utf8.h"
#include "text/unicode.h"

namespace embscope {
namespace {

TEST(CodePoint, of_every_character) {
  for (std::int32_t code = 0; code <= 0x10ffff; ++code) {
    if (code >= 0xd800 && code <= 0xdfff) continue;  // surrogates are not characters
    utf8proc_uint8_t bytes[4];
    const auto length = utf8proc_encode_char(code, bytes);
    const CodePoint found = code_point({reinterpret_cast<char*>(bytes), static_cast<std::size_t>(length)}, 0);
    ASSERT_EQ(found.value, code);
    ASSERT_EQ(found.length, length);
    const char category = utf8proc_category_string(code)[0];
    ASSERT_EQ(char_class(code) == CharClass::letter, category == 'L') << code;
    ASSERT_EQ(char_class(code) == CharClass::number, category == 'N') << code;
    const bool space = category == 'Z' || (code >= 0x09 && code <= 0x0d) || code == 0x85;
    ASSERT_EQ(char_class(code) == CharClass::space, space) << code;
  }
}

TEST(WellFormed, has_a_mark_for_each_byte_that_is_no_text) {
  EXPECT_EQ(well_formed("caf\xc3\xa9 \xe6\xbc\xa2"), "caf\xc3\xa9 \xe6\xbc\xa2");
  const std::string mark = "\xef\xbf\xbd";
  EXPECT_EQ(well_formed("a\xff\xe6\xbcz"), "a" + mark + mark + mark + "z");
  EXPECT_EQ(well_formed("\xe0\x83\x83"), mark + mark + mark);             // U+00C3 in three bytes
  EXPECT_EQ(well_formed("\xed\xa0\x80"), mark + mark + mark);             // a surrogate
  EXPECT_EQ(well_formed("\xf4\x90\x80\x80"), mark + mark + mark + mark);  // beyond U+10FFFF
}

TEST(CodePoint, is_a_single_byte_where_there_is_no_character) {
  // All sequences of two bytes, and of three and four whose last ones are at the borders.
  const auto agree = [](std::string_view bytes) {
    std::int32_t code = -1;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()),
                                         static_cast<utf8proc_ssize_t>(bytes.size()), &code);
    const CodePoint found = code_point(bytes, 0);
    return length > 0 ? found.value == code && found.length == length : found.value == -1 && found.length == 1;
  };
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      for (const std::string_view tail : {"", "\x7f", "\x80", "\xbf", "\xc0", "\x80\x80", "\xbf\xbf", "\xbf\xc0"}) {
        const std::string bytes = {static_cast<char>(first), static_cast<char>(second)};
        ASSERT_TRUE(agree(bytes + std::string(tail))) << first << " " << second;
      }
    }
  }
}

}  // namespace
}  // namespace embscope
