// NumPy's .npy, versions 1 to 3: little-endian, C order, one array named "array". And its .npz: a zip archive of them
// as numpy.savez writes it, each member stored as it is.
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "files/reader.h"

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

// PKWARE's APPNOTE, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16 (its end), 4.5.3 (64-bit
// sizes).
class Npz : public Npy {
 public:
  Npz(std::shared_ptr<const MappedFile> file, std::filesystem::path path)
      : Npy(std::move(file), std::move(path), Member{}) {
    format_ = "npz";
    const std::size_t end = file_->text().rfind("PK\x05\x06");
    if (end == std::string_view::npos) refuse("has no directory at its end: it was cut off");
    std::uint64_t members = number(end + 10, 2), at = number(end + 16, 4);
    if (at == 0xffffffff) {
      const std::uint64_t record = number(number_before(end, 12), 8);
      members = number(record + 32, 8), at = number(record + 48, 8);
    }
    for (; members > 0; --members) at = read_member(at);
    check_layout(0, file_->text().size(), false);
  }

 private:
  std::uint64_t number(std::uint64_t at, std::size_t bytes) const {
    const std::string_view text = file_->text();
    if (at > text.size() || text.size() - at < bytes) refuse("its directory points beyond the file");
    std::uint64_t value = 0;
    std::memcpy(&value, text.data() + at, bytes);
    return value;
  }
  std::uint64_t number_before(std::uint64_t at, std::uint64_t by) const { return at < by ? UINT64_MAX : at - by; }

  // Reads the member whose directory entry is here; returns the position of the next entry.
  std::uint64_t read_member(std::uint64_t at) {
    constexpr std::uint64_t elsewhere = 0xffffffff;  // a 32-bit field whose value is in the extra fields
    if (number(at, 4) != 0x02014b50) refuse("its directory holds something that is not an entry");
    const std::uint64_t name_bytes = number(at + 28, 2), extra_bytes = number(at + 30, 2);
    std::uint64_t size = number(at + 24, 4), offset = number(at + 42, 4);
    std::uint64_t extra = at + 46 + name_bytes;
    const std::uint64_t next = extra + extra_bytes + number(at + 32, 2);
    std::string name(file_->text().substr(std::min<std::uint64_t>(at + 46, file_->text().size()), name_bytes));
    if (number(at + 10, 2) != 0 || (number(at + 8, 2) & 1) != 0)
      refuse(fmt::format("{} is compressed or encrypted: save it with numpy.savez", shown(name)));
    if (size == elsewhere || offset == elsewhere) {
      for (const std::uint64_t last = extra + extra_bytes; number(extra, 2) != 1;)
        if ((extra += 4 + number(extra + 2, 2)) + 4 > last) refuse(fmt::format("{}: its size is missing", shown(name)));
      std::uint64_t value = extra + 4;
      if (size == elsewhere) size = number(value, 8), value += 8 + (number(at + 20, 4) == elsewhere ? 8 : 0);
      if (offset == elsewhere) offset = number(value, 8);
    }
    if (number(offset, 4) != 0x04034b50) refuse(fmt::format("{}: there is no member at {}", shown(name), offset));
    const std::uint64_t begin = offset + 30 + number(offset + 26, 2) + number(offset + 28, 2);
    if (begin > file_->text().size() || size > file_->text().size() - begin)
      refuse(fmt::format("{}: needs bytes {} to {} beyond, the file has {}", shown(name), begin, size,
                         file_->text().size()));
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    read_array(std::move(name), begin, size);
    return next;
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
