// safetensors: 8 bytes of header length, a JSON header, then the tensors without holes.
#include <cstring>

#include <fmt/format.h>

#include "base/checked.h"
#include "files/json.h"
#include "files/reader.h"

namespace embscope {
namespace {

constexpr std::uint64_t longest_header = 100'000'000;

constexpr std::pair<std::string_view, DType> types[] = {
    {"F32", DType::f32}, {"F16", DType::f16},      {"BF16", DType::bf16},       {"F64", DType::f64},
    {"I64", DType::i64}, {"I32", DType::i32},      {"I16", DType::i16},         {"I8", DType::i8},
    {"U8", DType::u8},   {"BOOL", DType::boolean}, {"F8_E4M3", DType::f8_e4m3}, {"F8_E5M2", DType::f8_e5m2},
};

class Safetensors : public MappedArchive {
 public:
  Safetensors(std::shared_ptr<const MappedFile> file, std::filesystem::path path)
      : MappedArchive(std::move(file), std::move(path)) {
    format_ = "safetensors";
    const std::string_view bytes = file_->text();
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof(length));
    if (length > longest_header)
      refuse(fmt::format("a header of {} bytes, at most {} are read", length, longest_header));
    if (length > bytes.size() - 8) refuse(fmt::format("a header of {} bytes, the file has {}", length, bytes.size()));
    header_ = parse_json(bytes.substr(8, length), path_.filename().string() + " header", longest_header);
    const JsonObject header(header_, path_.filename().string() + " header");
    for (const auto& [key, value] : header.raw()) {
      const std::string name(key.data(), key.size());
      name == "__metadata__" ? read_metadata(header.object(name)) : read_tensor(name, header.object(name), 8 + length);
    }
    check_layout(8 + length, bytes.size(), true);
  }

 private:
  void read_metadata(const JsonObject& object) {
    for (const auto& [key, value] : object.raw()) {
      const std::string name(key.data(), key.size());
      metadata_.emplace(name, object.string(name));
    }
  }

  void read_tensor(const std::string& name, const JsonObject& entry, std::uint64_t data) {
    const DType dtype = dtype_of(name, entry.string("dtype"));
    std::vector<std::int64_t> sizes;
    for (const auto& size : entry.array("shape")) sizes.push_back(static_cast<std::int64_t>(count(name, size)));
    const Shape shape(std::move(sizes));
    const auto& offsets = entry.array("data_offsets");
    if (offsets.size() != 2)
      refuse(fmt::format("tensor {}: data_offsets has {} numbers, not 2", shown(name), offsets.size()));
    const std::uint64_t begin = count(name, offsets[0]), end = count(name, offsets[1]),
                        size = bytes_of(name, dtype, shape);
    if (end < begin || end - begin != size) {
      refuse(fmt::format("tensor {}: {} of {} take {} bytes, data_offsets say {}..{}", shown(name), shape.text(),
                         embscope::name(dtype), size, begin, end));
    }
    std::uint64_t offset = 0;
    if (!checked_add(data, begin, offset)) refuse(fmt::format("tensor {}: offset {} overflows", shown(name), begin));
    add_tensor(name, dtype, shape, offset, size);
  }

  std::uint64_t count(const std::string& name, const boost::json::value& value) const {
    if (value.is_int64() && value.get_int64() >= 0) return static_cast<std::uint64_t>(value.get_int64());
    refuse(fmt::format("tensor {}: expected a size or offset, found {}", shown(name),
                       boost::json::serialize(value).substr(0, 40)));
  }

  DType dtype_of(const std::string& name, std::string_view text) const {
    for (const auto& [known, dtype] : types) {
      if (known == text) return dtype;
    }
    throw Error(
        Code::unsupported, format_,
        fmt::format("{}: tensor {}: dtype {} is not read", path_.filename().string(), shown(name), shown(text)));
  }

  boost::json::value header_;
};

}  // namespace

std::shared_ptr<const Archive> open_safetensors(std::shared_ptr<const MappedFile> file, std::filesystem::path path) {
  return std::make_shared<const Safetensors>(std::move(file), std::move(path));
}

}  // namespace embscope
