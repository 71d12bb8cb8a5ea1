// Names and paths as Windows has them.
#include <set>

#include <windows.h>

#include "base/folder.h"
#include "base/test_folder.h"
#include "base/windows/path.h"
#include "base/windows/text.h"

namespace embscope {
namespace {

TEST_F(Files, names_that_windows_forbids_are_refused) {
  for (const char* name : {"con", "CON.txt", "nul", "com1.json", "LPT9", "aux .x", "a.", "b ", "c?", "f*", "<g>"}) {
    expect_error(Code::io, folder_ / name, [&] { AtomicFile file(folder_ / name); });
    expect_error(Code::io, folder_ / name, [&] { MappedFile file(folder_ / name); });
  }
  EXPECT_TRUE(names().empty());
  for (const char* name : {"console", "com10", "a b.txt", ".hidden", "東京 ü.npy"}) write(folder_ / name, "x");
  EXPECT_EQ(names().size(), 5u);
}

TEST_F(Files, a_path_may_have_300_characters) {
  fs::path deep = folder_;
  while (deep.native().size() < 300) { deep /= std::string(40, 'x'); }
  EXPECT_FALSE(create_folders(deep));
  EXPECT_FALSE(create_folders(deep));
  write(deep / "a", "deep");
  EXPECT_EQ(read(deep / "a"), "deep");
  EXPECT_EQ(names_in(deep), std::set<std::string>{"a"});
  expect_error(Code::io, deep / "nul", [&] { create_folders(deep / "nul"); });
  EXPECT_TRUE(DeleteFileW(long_path(deep / "a").c_str()));  // remove_all cannot
  for (; deep != folder_; deep = deep.parent_path()) EXPECT_TRUE(RemoveDirectoryW(long_path(deep).c_str()));
}

TEST(Text, goes_to_utf_16_and_back) {
  const std::string text = "Zażółć 東京 👍";
  EXPECT_EQ(narrow(wide(text)), text);
  EXPECT_EQ(fs::path(text).string(), text);
  EXPECT_EQ(fs::path(text).native(), wide(text));
  EXPECT_EQ(fs::path("a\xff").string(), "a\uFFFD");
}

}  // namespace
}  // namespace embscope
