// .npz as NumPy and we ourselves write it, and every way to damage one.
#include <cstring>
#include <fstream>

#include <gmock/gmock.h>

#include "embscope/files/archive.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;
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
  static void put(std::string& bytes, std::size_t at, std::uint64_t value, std::size_t size) {
    std::memcpy(bytes.data() + at, &value, size);
  }
  std::uint64_t number(std::size_t at, std::size_t size) const {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + at, size);
    return value;
  }

  // Numbers that follow each other, of so many bytes each.
  std::vector<std::uint64_t> numbers(std::size_t at, std::initializer_list<std::size_t> sizes) const {
    std::vector<std::uint64_t> values;
    for (std::size_t size : sizes) values.push_back(number(at, size)), at += size;
    return values;
  }

  tiny::Folder folder_;
  std::filesystem::path path_ = folder_.path() / "a.npz";
  std::string bytes_;
};

std::uint64_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return crc ^ 0xffffffff;
}

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
  std::string flags = bytes_;
  const std::size_t entry = flags.find("PK\x01\x02");
  put(flags, entry + 8, 0x801, 2);
  EXPECT_THAT(opening(flags), HasSubstr("'blocks.0.z.npy' is compressed or encrypted: save it with numpy.savez"));
  put(flags, entry + 8, 0x802, 2);  // how hard a compressor worked
  EXPECT_EQ(opening(flags), "");
}

// Our own reader looks at few of these; others' may look at any.
TEST_F(NpzTest, has_every_field_as_the_specification_of_zip_says) {
  constexpr std::uint64_t version = 45, utf8 = 0x800, first_of_january_1980 = 33, in_64_bits = 0xffffffff;
  const std::string name = "blocks.0.z.npy";
  const std::size_t directory = bytes_.find("PK\x01\x02"), record = bytes_.find("PK\x06\x06"),
                    data = 30 + name.size() + 20;
  const std::uint64_t size = bytes_.find("PK\x03\x04", data) - data, crc = crc32(bytes_.substr(data, size));
  EXPECT_THAT(numbers(0, {4, 2, 2, 2, 2, 2, 4, 4, 4, 2, 2}),
              ElementsAre(0x04034b50, version, utf8, 0, 0, first_of_january_1980, crc, in_64_bits, in_64_bits,
                          name.size(), 20));
  EXPECT_EQ(bytes_.substr(30, name.size()), name);
  EXPECT_THAT(numbers(30 + name.size(), {2, 2, 8, 8}), ElementsAre(1, 16, size, size));
  EXPECT_THAT(numbers(directory, {4, 2, 2, 2, 2, 2, 2, 4, 4, 4, 2, 2, 2, 2, 2, 4, 4}),
              ElementsAre(0x02014b50, version, version, utf8, 0, 0, first_of_january_1980, crc, in_64_bits, in_64_bits,
                          name.size(), 28, 0, 0, 0, 0, in_64_bits));
  EXPECT_EQ(bytes_.substr(directory + 46, name.size()), name);
  EXPECT_THAT(numbers(directory + 46 + name.size(), {2, 2, 8, 8, 8}), ElementsAre(1, 24, size, size, 0));
  EXPECT_THAT(numbers(record, {4, 8, 2, 2, 4, 4, 8, 8, 8, 8}),
              ElementsAre(0x06064b50, 44, version, version, 0, 0, 2, 2, record - directory, directory));
  EXPECT_THAT(numbers(record + 56, {4, 4, 8, 4}), ElementsAre(0x07064b50, 0, record, 1));
  EXPECT_THAT(numbers(record + 76, {4, 2, 2, 2, 2, 4, 4, 2}),
              ElementsAre(0x06054b50, 0, 0, 0xffff, 0xffff, in_64_bits, in_64_bits, 0));
  EXPECT_EQ(bytes_.size(), record + 98);
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
