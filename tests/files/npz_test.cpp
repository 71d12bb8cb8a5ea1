// .npz as NumPy and we ourselves write it, and every way to damage one.
#include <cstring>
#include <fstream>

#include <gmock/gmock.h>

#include "embscope/archive.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

class NpzTest : public ::testing::Test {
 protected:
  NpzTest() {
    const std::vector<float> values = {1, -2, 0.5f, 4, 5, 6};
    const std::vector<std::int64_t> ids = {7, 8};
    write_arrays(path_, std::vector<NamedArray>{{"blocks.0.z", {2, 3}, std::span<const float>(values)},
                                                {"ids", {2}, std::span<const std::int64_t>(ids)}});
    std::ifstream in(path_, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
  }

  // What opening these bytes says; "" when they open.
  std::string opening(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    try {
      const auto archive = Archive::open(path_);
      for (const auto& entry : archive->tensors()) decode(entry.view);
      return "";
    } catch (const Error& error) { return error.what(); }
  }

  // The first entry of the directory with other extra fields before the one that holds its sizes.
  std::string with_extra(const std::string& extra) const {
    std::string bytes = bytes_;
    const std::size_t entry = bytes.find("PK\x01\x02"), end = bytes.find("PK\x05\x06");
    put(bytes, entry + 30, number(entry + 30, 2) + extra.size(), 2);
    put(bytes, end - 12, number(end - 12, 8) + extra.size(), 8);  // where the end of the directory is
    return bytes.insert(entry + 46 + number(entry + 28, 2), extra);
  }
  // An extra field: its number, its bytes.
  static std::string field(std::uint64_t id, const std::string& data) {
    std::string bytes(4, '\0');
    put(bytes, 0, id, 2), put(bytes, 2, data.size(), 2);
    return bytes + data;
  }
  static void put(std::string& bytes, std::size_t at, std::uint64_t value, std::size_t size) { std::memcpy(bytes.data() + at, &value, size); }
  std::uint64_t number(std::size_t at, std::size_t size) const {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + at, size);
    return value;
  }

  tiny::Folder folder_;
  std::filesystem::path path_ = folder_.path() / "a.npz";
  std::string bytes_;
};

TEST_F(NpzTest, gives_back_what_was_written) {
  const auto archive = Archive::open(path_);
  EXPECT_EQ(archive->format(), "npz");
  EXPECT_EQ(archive->at("blocks.0.z").shape, (Shape{2, 3}));
  EXPECT_THAT(decode(archive->at("blocks.0.z")).values(), ::testing::ElementsAre(1, -2, 0.5f, 4, 5, 6));
  EXPECT_THAT(decode(archive->at("ids")).values(), ::testing::ElementsAre(7, 8));
}

TEST_F(NpzTest, says_what_is_wrong) {
  EXPECT_THAT(opening(bytes_.substr(0, bytes_.size() - 30)), HasSubstr("it was cut off"));
  std::string compressed = bytes_;
  compressed[compressed.find("PK\x01\x02") + 10] = 8;
  EXPECT_THAT(opening(compressed), HasSubstr("'blocks.0.z.npy' is compressed or encrypted: save it with numpy.savez"));
}

TEST_F(NpzTest, sizes_of_64_bits_stand_among_other_fields) {
  for (const std::string& before : {std::string(), field(0x7075, "name"), field(0xcafe, "") + field(0x5455, "12345")}) {
    ASSERT_EQ(opening(with_extra(before)), "");
    EXPECT_THAT(decode(Archive::open(path_)->at("blocks.0.z")).values(), ::testing::ElementsAre(1, -2, 0.5f, 4, 5, 6));
  }
  std::string without = bytes_;
  const std::size_t entry = without.find("PK\x01\x02");
  put(without, entry + 46 + number(entry + 28, 2), 0x7075, 2);
  EXPECT_THAT(opening(without), HasSubstr("'blocks.0.z.npy': its size is missing"));
}

TEST_F(NpzTest, damaged_opens_or_says_so_and_never_reads_beyond_the_file) {
  for (std::size_t cut = 0; cut + 2 < bytes_.size(); ++cut)  // the last two: how long a comment follows
    EXPECT_NE(opening(bytes_.substr(0, cut)), "") << cut;
  for (std::size_t at = 0; at < bytes_.size(); ++at) {
    for (const char flipped : {'\xff', '\x00', '\x7f'}) {
      std::string damaged = bytes_;
      damaged[at] = flipped;
      opening(damaged);  // under the sanitizers this is the test
    }
  }
}

}  // namespace
}  // namespace embscope
