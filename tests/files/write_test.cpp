// Arrays as each format holds them: what is written reads back, and what a format cannot hold is refused before
// anything is.
#include <fstream>
#include <limits>
#include <sstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "embscope/files/archive.h"
#include "forward/tiny.h"
#include "refusal.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class WriteArrays : public ::testing::Test {
 protected:
  std::filesystem::path path(const char* name) const { return folder_.path() / name; }
  std::string written(const char* name, const std::vector<NamedArray>& arrays) const {
    write_arrays(path(name), arrays);
    std::ostringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }
  void expect_refused(const char* name, const std::vector<NamedArray>& arrays, Code code, const char* says) const {
    try {
      write_arrays(path(name), arrays);
      ADD_FAILURE() << name << " was written";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      EXPECT_THAT(error.what(), HasSubstr(says));
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path())) << name;
  }

  tiny::Folder folder_;
  std::vector<float> values_ = {1, -2, 0.5f, 4, 5, 6};
  std::vector<std::int64_t> ids_ = {7, -8};
  NamedArray matrix_{"m", {2, 3}, std::span<const float>(values_)};
  NamedArray id_list_{"ids", {2}, std::span<const std::int64_t>(ids_)};
};

TEST_F(WriteArrays, of_every_type_and_rank_read_back) {
  NamedArray half = matrix_, brain = matrix_, deep = matrix_, row = matrix_;
  half.name = "half", half.dtype = DType::f16, brain.name = "brain", brain.dtype = DType::bf16;
  deep.name = "deep", deep.shape = {1, 3, 2}, row.name = "row", row.shape = {6};
  for (const char* name : {"a.safetensors", "a.npz"}) {
    std::vector<NamedArray> arrays = {matrix_, id_list_, half, deep, row};
    if (name == std::string_view("a.safetensors")) arrays.push_back(brain);
    write_arrays(path(name), arrays);
    const auto archive = Archive::open(path(name));
    EXPECT_EQ(archive->tensors().size(), arrays.size()) << name;
    EXPECT_THAT(decode(archive->at("ids")).values(), ElementsAre(7, -8)) << name;
    for (const NamedArray& a : arrays) {
      EXPECT_EQ(archive->at(a.name).shape, a.shape) << name << ' ' << a.name;
      if (a.name == "ids") continue;
      EXPECT_THAT(decode(archive->at(a.name)).values(), ::testing::ElementsAreArray(values_)) << name << ' ' << a.name;
    }
    EXPECT_EQ(archive->at("half").dtype, DType::f16) << name;
  }
}

TEST_F(WriteArrays, as_json_are_nested_lists) {
  values_[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(written("a.json", {matrix_, id_list_}), "{\n\"m\":[[1,null,0.5],[4,5,6]],\n\"ids\":[7,-8]\n}\n");
}

TEST_F(WriteArrays, that_a_format_cannot_hold_are_refused_wherever_they_stand) {
  NamedArray brain = matrix_;
  brain.name = "b", brain.dtype = DType::bf16;
  expect_refused("a.npz", {matrix_, id_list_, brain}, Code::usage, ".npz holds no BF16: use .safetensors");
  expect_refused("a.json", {matrix_, brain}, Code::usage, ".json holds no BF16");
  expect_refused("a.npy", {matrix_, id_list_}, Code::usage, ".npy holds one array, there are 2");
  expect_refused("a.csv", {matrix_}, Code::usage, "write to .npz, .npy, .safetensors or .json");
  NamedArray quantised = matrix_;
  quantised.dtype = DType::q8_0;
  expect_refused("a.safetensors", {id_list_, quantised}, Code::usage, "F32, F16 and BF16 are");
}

TEST_F(WriteArrays, of_a_value_too_large_for_its_type_are_refused) {
  values_[5] = 70000;
  NamedArray half = matrix_;
  half.dtype = DType::f16;
  expect_refused("a.npz", {id_list_, half}, Code::range, "70000");
  expect_refused("a.safetensors", {half}, Code::range, "70000");
}

TEST(Places, are_looked_at_before_the_work_and_left_as_they_are) {
  const tiny::Folder folder;
  write_file(folder.path() / "old.npz", "old");
  expect_arrays(folder.path() / "old.npz");
  expect_writable(folder.path() / "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  EXPECT_EQ(std::filesystem::file_size(folder.path() / "old.npz"), 3);
  EXPECT_THAT(refusal([&] { expect_writable(folder.path()); }), HasSubstr("cannot write: it is a folder"));
  EXPECT_THAT(refusal([&] { expect_writable(folder.path() / "none" / "new"); }),
              HasSubstr("cannot write: No such file or directory"));
  EXPECT_THAT(refusal([&] { expect_arrays(folder.path() / "new.csv"); }), HasSubstr("write to .npz"));
}

TEST(Places, that_may_not_even_be_looked_at_are_refused_in_one_way) {
  const tiny::Folder folder;
  make_folder(folder.path() / "locked");
  std::filesystem::permissions(folder.path(), std::filesystem::perms::none);
  const uid_t user = geteuid();  // root, whom no permission stops, looks on as an ordinary user
  ASSERT_EQ(user == 0 ? seteuid(65534) : 0, 0);
  const std::string file = refusal([&] { expect_writable(folder.path() / "locked" / "new"); });
  const std::string inner = refusal([&] { make_folder(folder.path() / "locked"); });
  ASSERT_EQ(user == 0 ? seteuid(0) : 0, 0);
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
  EXPECT_THAT(file, HasSubstr("cannot write: Permission denied"));
  EXPECT_THAT(inner, HasSubstr("cannot be made: Permission denied"));
}

TEST(Places, folders_are_made_with_those_above_them_once_or_again) {
  const tiny::Folder folder;
  for (int again = 0; again < 2; ++again) make_folder(folder.path() / "a" / "b");
  EXPECT_TRUE(std::filesystem::is_directory(folder.path() / "a" / "b"));
  write_file(folder.path() / "file", "");
  for (const char* name : {"file", "file/below"})
    EXPECT_THAT(refusal([&] { make_folder(folder.path() / name); }), HasSubstr("cannot be made: Not a directory"));
}

}  // namespace
}  // namespace embscope
