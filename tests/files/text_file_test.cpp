// Text files from any editor: the same lines.
#include "embscope/files/text_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "forward/tiny.h"
#include "refusal.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TextFiles : public ::testing::Test {
 protected:
  std::filesystem::path file(std::string_view bytes) const {
    tiny::write(folder_.path() / "file", std::string(bytes));
    return folder_.path() / "file";
  }
  tiny::Folder folder_;
};

TEST_F(TextFiles, are_the_same_with_any_line_ends_and_with_or_without_a_mark) {
  for (const char* text : {"one\n two\n\nthree", "one\r\n two\r\n\r\nthree", "\xef\xbb\xbfone\n two\n\nthree",
                           "\xef\xbb\xbfone\r\n two\r\n\r\nthree"}) {
    EXPECT_EQ(read_text(file(text)), "one\n two\n\nthree");
    EXPECT_THAT(read_lines(file(text)), ElementsAre("one", " two", "", "three"));
  }
  EXPECT_THAT(read_lines(file("")), ElementsAre());
  EXPECT_THAT(read_lines(file("\xef\xbb\xbf")), ElementsAre());
  EXPECT_THAT(read_lines(file("a\r\n")), ElementsAre("a"));
}

TEST_F(TextFiles, keep_what_is_no_line_end) {
  EXPECT_EQ(read_text(file("a\rb\r\r\nc\r")), "a\rb\r\nc\r");
  EXPECT_EQ(read_text(file("a\xef\xbb\xbf")), "a\xef\xbb\xbf");
}

TEST_F(TextFiles, in_utf16_are_called_that) {
  EXPECT_THAT(refusal([&] { read_text(file("\xff\xfeh\0i\0")); }), HasSubstr("is text in UTF-16: save it as UTF-8"));
  EXPECT_THAT(refusal([&] { read_lines(file("\xfe\xff")); }), HasSubstr("UTF-16"));
}

TEST_F(TextFiles, that_are_no_regular_files_are_refused_at_once) {
  const std::filesystem::path pipe = folder_.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(refusal([&] { read_text(pipe); }), HasSubstr("is a named pipe, not a regular file"));
  EXPECT_THAT(refusal([] { read_lines("/dev/zero"); }), HasSubstr("is a device, not a regular file"));
}

}  // namespace
}  // namespace embscope
