// Files: mapped whole; written whole or not at all.
#include "base/test_folder.h"

namespace embscope {
namespace {

TEST_F(Files, what_was_written_is_mapped_again_byte_by_byte) {
  std::string bytes;
  for (int i = 0; i < 100000; ++i) bytes += static_cast<char>(i * 7 % 256);
  write(folder_ / "a", bytes);
  EXPECT_EQ(read(folder_ / "a"), bytes);
  EXPECT_EQ(MappedFile(folder_ / "a").bytes().size(), bytes.size());
}

TEST_F(Files, an_empty_file_is_an_empty_mapping) {
  write(folder_ / "empty", "");
  EXPECT_TRUE(MappedFile(folder_ / "empty").bytes().empty());
}

TEST_F(Files, what_cannot_be_mapped_is_named) {
  auto open = [](const fs::path& path) { MappedFile file(path); };
  expect_error(Code::not_found, folder_ / "none", [&] { open(folder_ / "none"); });
  expect_error(Code::io, folder_, [&] { open(folder_); });
  write(folder_ / "file", "x");
  expect_error(Code::not_found, folder_ / "file/below", [&] { open(folder_ / "file/below"); });
}

TEST_F(Files, one_holds_a_file_and_the_others_see_it) {
  const fs::path lock = folder_ / "lock";
  {
    const auto first = hold(lock);
    ASSERT_TRUE(first.has_value());
    EXPECT_FALSE(hold(lock).has_value());
  }
  EXPECT_TRUE(hold(lock).has_value());
}

TEST_F(Files, a_growing_file_goes_on_from_what_is_kept) {
  const fs::path part = folder_ / "part";
  GrowingFile(part, 0).write("one two");
  GrowingFile(part, 4).write("three");
  EXPECT_EQ(read(part), "one three");
  {
    GrowingFile again(part, 3);
    again.write("!");
    again.start_over();
    again.write("new");
  }
  EXPECT_EQ(read(part), "new");
  GrowingFile(part, 0);
  EXPECT_EQ(read(part), "");
}

TEST_F(Files, nothing_is_there_before_the_commit_and_only_the_file_after_it) {
  {
    AtomicFile file(folder_ / "a");
    file.write("one ");
    file.write("two");
    EXPECT_FALSE(fs::exists(folder_ / "a"));
    file.commit();
    EXPECT_EQ(read(folder_ / "a"), "one two");
  }
  EXPECT_EQ(names(), std::set<std::string>{"a"});
}

TEST_F(Files, without_a_commit_the_old_file_stays_and_no_trace_is_left) {
  write(folder_ / "a", "old");
  try {
    AtomicFile file(folder_ / "a");
    file.write("new, but interrupted");
    throw std::runtime_error("interrupted");
  } catch (const std::runtime_error&) {}
  EXPECT_EQ(read(folder_ / "a"), "old");
  EXPECT_EQ(names(), std::set<std::string>{"a"});
}

TEST_F(Files, a_commit_replaces_the_old_file_and_leaves_who_maps_it_alone) {
  write(folder_ / "a", "old");
  const MappedFile old(folder_ / "a");
  write(folder_ / "a", "new");
  EXPECT_EQ(old.text(), "old");
  EXPECT_EQ(read(folder_ / "a"), "new");
}

TEST_F(Files, two_writers_of_one_path_do_not_meet) {
  AtomicFile first(folder_ / "a"), second(folder_ / "a");
  first.write("first");
  second.write("second");
  second.commit();
  first.commit();
  EXPECT_EQ(read(folder_ / "a"), "first");
  EXPECT_EQ(names(), std::set<std::string>{"a"});
}

TEST_F(Files, a_missing_folder_and_a_folder_in_the_way_are_errors_without_traces) {
  expect_error(Code::io, folder_ / "none/a", [&] { write(folder_ / "none/a", "x"); });
  fs::create_directory(folder_ / "taken");
  expect_error(Code::io, folder_ / "taken", [&] { write(folder_ / "taken", "x"); });
  EXPECT_EQ(names(), std::set<std::string>{"taken"});
}

TEST(Leftover, is_a_name_that_only_an_unfinished_file_has) {
  EXPECT_TRUE(is_leftover("folder/state.safetensors.tmp-24259-195"));
  for (const char* name : {"state.safetensors", "notes.tmp-old", ".tmp-1-2", "a.tmp-1-2/b", "a.tmp"})
    EXPECT_FALSE(is_leftover(name)) << name;
}

}  // namespace
}  // namespace embscope
