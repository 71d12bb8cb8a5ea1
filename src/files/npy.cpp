// NumPy's .npy, versions 1 to 3: little-endian, C order, one array named "array". And its .npz: a zip archive of them
// as numpy.savez writes it, each member stored as it is.
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "files/reader.h"
#include "files/zip.h"

namespace embscope {
namespace {

constexpr std::pair<std::string_view, DType> types[] = {
    {"<f4", DType::f32}, {"<f2", DType::f16}, {"<f8", DType::f64}, {"<i8", DType::i64},     {"<i4", DType::i32},
    {"<i2", DType::i16}, {"|i1", DType::i8},  {"|u1", DType::u8},  {"|b1", DType::boolean},
};

class Npy : public MappedArchive {
 public:
  Npy(std::shared_ptr<const MappedFile> file, std::filesystem::path path)
      : MappedArchive(std::move(file), std::move(path)) {
    format_ = "npy";
    read_array("array", 0, file_->text().size());
  }

 protected:
  struct Member {};  // opens no file: for members of an .npz
  Npy(std::shared_ptr<const MappedFile> file, std::filesystem::path path, Member)
      : MappedArchive(std::move(file), std::move(path)) {}

  /// The bytes begin..begin + count of the file.
  void read_array(std::string name, std::size_t begin, std::size_t count) {
    const std::string_view bytes = file_->text().substr(begin, count);
    const std::size_t length_bytes = bytes.size() > 6 && bytes[6] == 1 ? 2 : 4;
    if (bytes.size() < 8 + length_bytes) refuse("ends within its header");
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + 8, length_bytes);
    const std::size_t data = 8 + length_bytes + length;
    if (data > bytes.size()) refuse(fmt::format("a header of {} bytes, the file has {}", length, bytes.size()));
    const std::string_view header = bytes.substr(8 + length_bytes, length);
    if (field(header, "fortran_order").substr(0, 5) != "False")
      refuse("is in Fortran order: save it with numpy.ascontiguousarray");
    const DType dtype = dtype_of(field(header, "descr"));
    Shape shape = shape_of(field(header, "shape"));
    const std::uint64_t size = bytes_of(name, dtype, shape);
    if (size != bytes.size() - data)
      refuse(fmt::format("{} of {} take {} bytes, the file has {}", shape.text(), embscope::name(dtype), size,
                         bytes.size() - data));
    add_tensor(std::move(name), dtype, std::move(shape), begin + data, size);
  }

 private:
  // What follows 'key': in the header's Python dictionary.
  std::string_view field(std::string_view header, std::string_view key) const {
    const std::size_t found = header.find("'" + std::string(key) + "':");
    if (found == std::string_view::npos) refuse(fmt::format("the header has no '{}'", key));
    std::string_view rest = header.substr(found + key.size() + 3);
    return rest.substr(std::min(rest.find_first_not_of(' '), rest.size()));
  }

  DType dtype_of(std::string_view text) const {
    const std::size_t end = text.size() < 2 ? std::string_view::npos : text.find('\'', 1);
    if (end == std::string_view::npos) refuse("descr is not a plain dtype (structured arrays are not read)");
    for (const auto& [name, dtype] : types) {
      if (name == text.substr(1, end - 1)) return dtype;
    }
    const bool big_endian = text[1] == '>';
    throw Error(
        Code::unsupported, format_,
        fmt::format("{}: dtype {} is {}", path_.filename().string(), shown(text.substr(1, end - 1)),
                    big_endian
                        ? "big-endian, which is not read: save it with array.astype(array.dtype.newbyteorder('<'))"
                        : "not read"));
  }

  Shape shape_of(std::string_view text) const {
    const std::size_t end = text.find(')');
    if (text.empty() || text[0] != '(' || end == std::string_view::npos) refuse("shape is not a tuple");
    std::vector<std::int64_t> sizes;
    const char *at = text.data() + 1, *last = text.data() + end;
    while (at < last) {
      if (*at == ' ' || *at == ',') {
        ++at;
        continue;
      }
      std::int64_t size = 0;
      const auto [next, error] = std::from_chars(at, last, size);
      if (error != std::errc() || sizes.size() == 8) refuse("shape holds something that is not a size, or more than 8");
      sizes.push_back(size);
      at = next;
    }
    return Shape(std::move(sizes));
  }
};

class Npz : public Npy {
 public:
  Npz(std::shared_ptr<const MappedFile> file, std::filesystem::path path)
      : Npy(std::move(file), std::move(path), Member{}) {
    format_ = "npz";
    for (ZipMember& member : zip_members(file_->text(), path_.filename().string(), "save it with numpy.savez")) {
      if (member.name.ends_with(".npy")) member.name.resize(member.name.size() - 4);
      read_array(std::move(member.name), member.begin, member.size);
    }
  }
};

}  // namespace

std::shared_ptr<const Archive> open_npz(std::shared_ptr<const MappedFile> file, std::filesystem::path path) {
  return std::make_shared<const Npz>(std::move(file), std::move(path));
}

std::shared_ptr<const Archive> open_npy(std::shared_ptr<const MappedFile> file, std::filesystem::path path) {
  return std::make_shared<const Npy>(std::move(file), std::move(path));
}

}  // namespace embscope
