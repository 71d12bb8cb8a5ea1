// An error is one short line, whatever the names in it hold.
#include "embscope/error.h"

#include <string>

#include <gtest/gtest.h>

namespace embscope {
namespace {

TEST(Error, says_where_and_what) {
  const Error error(Code::range, "wte", "token id 7: the vocabulary has ids 0..6");
  EXPECT_STREQ(error.what(), "[wte] token id 7: the vocabulary has ids 0..6");
  EXPECT_EQ(error.where(), "wte");
  EXPECT_EQ(error.message(), "token id 7: the vocabulary has ids 0..6");
  EXPECT_EQ(error.code(), Code::range);
}

TEST(Error, names_from_files_neither_break_the_line_nor_steer_a_terminal) {
  const Error error(Code::format, "a\nb", std::string("tensor '\x1b[2J\r\0\x7f\xc3\xa9'", 17));
  EXPECT_STREQ(error.what(), "[a\\nb] tensor '\\x1b[2J\\x0d\\x00\\x7f\xc3\xa9");
  EXPECT_EQ(Error(Code::format, "x", std::string(10000, 'y')).message(), std::string(3000, 'y') + "...");
}

}  // namespace
}  // namespace embscope
