// A GGUF in several files opens as the one it was cut from, or says what is wrong with which part.
#include <optional>

#include <gmock/gmock.h>

#include "embscope/files/archive.h"
#include "files/gguf_parts.h"
#include "forward/tiny.h"
#include "makers.h"
#include "refusal.h"

namespace embscope {
namespace {

using namespace files;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string u16(std::string_view name, std::uint16_t value) { return key(name, 2, Bytes().put(value)); }
std::string i32(std::string_view name, std::int32_t value) { return key(name, 5, Bytes().put(value)); }

struct Part {
  int no = 0, count = 3, tensors = 4;
  std::vector<std::string> names, more_keys;
};

class GgufParts : public ::testing::Test {
 protected:
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }

  std::filesystem::path write(const std::string& name, const Part& part) const {
    Gguf file;
    file.keys = part.more_keys;
    file.keys.push_back(u16("split.no", static_cast<std::uint16_t>(part.no)));
    file.keys.push_back(u16("split.count", static_cast<std::uint16_t>(part.count)));
    file.keys.push_back(i32("split.tensors.count", part.tensors));
    file.tensors.clear();
    file.data = 32 * part.names.size();
    for (const std::string& tensor : part.names) file.tensors.push_back({tensor, {4, 2}, 0, 32 * file.tensors.size()});
    tiny::write(path(name), file.bytes());
    return path(name);
  }
  std::filesystem::path write_three() const {
    write("m-00002-of-00003.gguf", {1, 3, 4, {"c"}, {}});
    write("m-00003-of-00003.gguf", {2, 3, 4, {"d"}, {}});
    return write("m-00001-of-00003.gguf", {0, 3, 4, {"a", "b"}, {key("general.name", 8, Bytes().string("three"))}});
  }
  static std::string opening(const std::filesystem::path& path) {
    return refusal([&] { Archive::open(path); });
  }

  tiny::Folder folder_;
};

TEST_F(GgufParts, open_as_one_from_the_first) {
  const auto archive = Archive::open(write_three());
  std::vector<std::string> names;
  for (const auto& entry : archive->tensors()) names.push_back(entry.name);
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(archive->at("d").shape, (Shape{2, 4}));
  EXPECT_EQ(std::get<std::string_view>(*archive->meta("general.name")), "three");
  EXPECT_THAT(archive->files(),
              ElementsAre(path("m-00001-of-00003.gguf"), path("m-00002-of-00003.gguf"), path("m-00003-of-00003.gguf")));
}

TEST_F(GgufParts, name_the_first_when_another_is_given) {
  write_three();
  EXPECT_THAT(
      opening(path("m-00002-of-00003.gguf")),
      HasSubstr("is part 2 of 3 of a split GGUF: open its first part, " + path("m-00001-of-00003.gguf").string()));
}

TEST_F(GgufParts, that_are_missing_or_renamed_are_named) {
  const auto first = write_three();
  std::filesystem::remove(path("m-00003-of-00003.gguf"));
  EXPECT_THAT(opening(first), HasSubstr("m-00003-of-00003.gguf] part 3 of 3 of a split GGUF is missing"));
  std::filesystem::rename(first, path("model.gguf"));
  EXPECT_THAT(opening(path("model.gguf")), HasSubstr("whose name must end in -00001-of-00003.gguf"));
}

TEST_F(GgufParts, that_do_not_belong_together_are_refused) {
  const auto first = write_three();
  const auto with_second = [&](const Part& part) {
    write("m-00002-of-00003.gguf", part);
    return opening(first);
  };
  EXPECT_THAT(with_second({2, 3, 4, {"c"}, {}}), HasSubstr("is not part 2 of 3 by its own keys"));
  EXPECT_THAT(with_second({1, 4, 4, {"c"}, {}}), HasSubstr("m-00002-of-00003.gguf"));
  EXPECT_THAT(with_second({1, 3, 4, {"a"}, {}}), HasSubstr("tensor 'a' is in an earlier part too"));
  EXPECT_THAT(with_second({1, 3, 4, {"c", "e"}, {}}), HasSubstr("hold 4 tensors, they hold 5"));
  EXPECT_THAT(with_second({1, 3, 4, {"c"}, {key("general.name", 8, Bytes().string("other"))}}),
              HasSubstr("its key 'general.name' is not that of part 1"));
  tiny::write(path("m-00002-of-00003.gguf"), "no gguf at all");
  EXPECT_THAT(opening(first), HasSubstr("is part of a split GGUF, but no GGUF file"));
}

TEST_F(GgufParts, of_one_is_a_whole_file) {
  EXPECT_EQ(Archive::open(write("any.gguf", {0, 1, 1, {"a"}, {}}))->tensors().size(), 1);
  EXPECT_THAT(opening(write("m-00001-of-00003.gguf", {5, 3, 4, {"a"}, {}})), HasSubstr("says that it is part 6 of 3"));
}

TEST(GgufPartNames, have_two_numbers_of_five_digits) {
  const auto name = GgufPartName::of("folder/big-Q4_K-00002-of-00012.gguf");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->prefix, "big-Q4_K");
  EXPECT_EQ(name->number, 2);
  EXPECT_EQ(name->count, 12);
  EXPECT_EQ(name->path(11), "folder/big-Q4_K-00011-of-00012.gguf");
  for (const char* other :
       {"m.gguf", "m-1-of-2.gguf", "m-00001-of-00002.safetensors", "m-0000a-of-00002.gguf", "-00001-of-00002"})
    EXPECT_FALSE(GgufPartName::of(other)) << other;
}

}  // namespace
}  // namespace embscope
