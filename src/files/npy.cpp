// NumPy's .npy, versions 1 to 3: little-endian, C order, one array named "array".
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
    const std::string_view bytes = file_->text();
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
    const std::uint64_t size = bytes_of("array", dtype, shape);
    if (size != bytes.size() - data)
      refuse(fmt::format("{} of {} take {} bytes, the file has {}", shape.text(), embscope::name(dtype), size,
                         bytes.size() - data));
    add_tensor("array", dtype, std::move(shape), data, size);
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
    if (end == std::string_view::npos) refuse("descr is no plain dtype (structured arrays are not read)");
    for (const auto& [name, dtype] : types) {
      if (name == text.substr(1, end - 1)) return dtype;
    }
    throw Error(Code::unsupported, format_,
                fmt::format("{}: dtype {} is not read", path_.filename().string(), shown(text.substr(1, end - 1))));
  }

  Shape shape_of(std::string_view text) const {
    const std::size_t end = text.find(')');
    if (text.empty() || text[0] != '(' || end == std::string_view::npos) refuse("shape is no tuple");
    std::vector<std::int64_t> sizes;
    const char *at = text.data() + 1, *last = text.data() + end;
    while (at < last) {
      if (*at == ' ' || *at == ',') {
        ++at;
        continue;
      }
      std::int64_t size = 0;
      const auto [next, error] = std::from_chars(at, last, size);
      if (error != std::errc() || sizes.size() == 8) refuse("shape holds something that is no size, or more than 8");
      sizes.push_back(size);
      at = next;
    }
    return Shape(std::move(sizes));
  }
};

}  // namespace

std::shared_ptr<const Archive> open_npy(std::shared_ptr<const MappedFile> file, std::filesystem::path path) {
  return std::make_shared<const Npy>(std::move(file), std::move(path));
}

}  // namespace embscope
