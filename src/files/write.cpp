// Arrays -> .npy, .npz (a stored zip), .safetensors, .json.
#include <array>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/file.h"
#include "base/folder.h"
#include "embscope/files/archive.h"
#include "files/narrow.h"
#include "files/safetensors_writer.h"

namespace embscope {
namespace {

bool is_float(const NamedArray& a) { return std::holds_alternative<std::span<const float>>(a.values); }

// The values as stored in .npy; `room` owns converted values.
std::string_view bytes_of(const NamedArray& a, std::vector<std::byte>& room) {
  if (is_float(a) && a.dtype != DType::f32) {
    const auto values = std::get<0>(a.values);
    room.resize(values.size() * static_cast<std::size_t>(block_bytes(a.dtype)));
    if (const std::size_t i = narrow(values, a.dtype, room.data()); i < values.size())
      throw Error(Code::range, a.name, too_large(values[i], a.dtype, {}));
    return {reinterpret_cast<const char*>(room.data()), room.size()};
  }
  return std::visit([](auto v) { return std::string_view(reinterpret_cast<const char*>(v.data()), v.size_bytes()); },
                    a.values);
}

std::string npy_header(const NamedArray& a) {
  std::string shape;
  for (std::int64_t size : a.shape) shape += fmt::format("{},", size);
  if (a.shape.rank() > 1) shape.pop_back();
  const char* type = !is_float(a) ? "<i8" : a.dtype == DType::f16 ? "<f2" : "<f4";
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, shape);
  header += std::string((64 - (10 + header.size() + 1) % 64) % 64, ' ') + "\n";
  const auto length = static_cast<std::uint16_t>(header.size());
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(length & 255) + static_cast<char>(length >> 8) +
         header;
}

std::uint32_t crc32(std::string_view bytes, std::uint32_t crc) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int k = 0; k < 8; ++k) t[i] = (t[i] & 1u) != 0 ? 0xedb88320u ^ t[i] >> 1 : t[i] >> 1;
    }
    return t;
  }();
  crc = ~crc;
  for (unsigned char c : bytes) crc = table[(crc ^ c) & 255u] ^ crc >> 8;
  return ~crc;
}

// Little-endian numbers of a zip record.
class Record {
 public:
  Record& u16(std::uint64_t x) { return put(x, 2); }
  Record& u32(std::uint64_t x) { return put(x, 4); }
  Record& u64(std::uint64_t x) { return put(x, 8); }
  Record& text(std::string_view t) {
    bytes_ += t;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  Record& put(std::uint64_t x, int n) {
    for (int i = 0; i < n; ++i) bytes_ += static_cast<char>(x >> (8 * i) & 255);
    return *this;
  }
  std::string bytes_;
};

// PKWARE's APPNOTE, stored entries; every size in 64 bits, so that arrays may be large. Dates are fixed: equal arrays,
// equal files.
void write_npz(AtomicFile& file, std::span<const NamedArray> arrays) {
  constexpr std::uint64_t date = (1 << 5) | 1, unknown = 0xffffffff;
  std::string directory;
  std::vector<std::byte> room;
  std::uint64_t at = 0;
  for (const NamedArray& a : arrays) {
    const std::string name = a.name + ".npy", header = npy_header(a);
    const std::string_view data = bytes_of(a, room);
    const std::uint64_t size = header.size() + data.size(), crc = crc32(data, crc32(header, 0));
    Record local;
    local.u32(0x04034b50)
        .u16(45)
        .u16(0x800)
        .u16(0)
        .u16(0)
        .u16(date)
        .u32(crc)
        .u32(unknown)
        .u32(unknown)
        .u16(name.size())
        .u16(20)
        .text(name);
    local.u16(1).u16(16).u64(size).u64(size);
    file.write(local.bytes());
    file.write(header);
    file.write(data);
    Record central;
    central.u32(0x02014b50)
        .u16(45)
        .u16(45)
        .u16(0x800)
        .u16(0)
        .u16(0)
        .u16(date)
        .u32(crc)
        .u32(unknown)
        .u32(unknown)
        .u16(name.size())
        .u16(28);
    central.u16(0).u16(0).u16(0).u32(0).u32(unknown).text(name).u16(1).u16(24).u64(size).u64(size).u64(at);
    directory += central.bytes();
    at += local.bytes().size() + size;
  }
  file.write(directory);
  Record end;
  end.u32(0x06064b50)
      .u64(44)
      .u16(45)
      .u16(45)
      .u32(0)
      .u32(0)
      .u64(arrays.size())
      .u64(arrays.size())
      .u64(directory.size())
      .u64(at);
  end.u32(0x07064b50).u32(0).u64(at + directory.size()).u32(1);
  end.u32(0x06054b50).u16(0).u16(0).u16(0xffff).u16(0xffff).u32(unknown).u32(unknown).u16(0);
  file.write(end.bytes());
}

void write_safetensors(const std::filesystem::path& path, std::span<const NamedArray> arrays) {
  std::vector<SafetensorsWriter::Array> shapes;
  for (const NamedArray& a : arrays) shapes.push_back({a.name, is_float(a) ? a.dtype : DType::i64, a.shape});
  SafetensorsWriter file(path, std::move(shapes));
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    std::visit([&](auto values) { file.write(i, 0, values); }, arrays[i].values);
  }
  file.commit();
}

void append_number(std::string& out, float x) { out += std::isfinite(x) ? fmt::format("{}", x) : "null"; }
void append_number(std::string& out, std::int64_t x) { out += fmt::format("{}", x); }

template <class T>
void append_nested(std::string& out, const Shape& shape, int axis, const T*& next) {
  if (axis == shape.rank()) return append_number(out, *next++);
  out += '[';
  for (std::int64_t i = 0; i < shape[axis]; ++i) {
    if (i > 0) out += ',';
    append_nested(out, shape, axis + 1, next);
  }
  out += ']';
}

void write_json(AtomicFile& file, std::span<const NamedArray> arrays) {
  std::string out = "{";
  for (const NamedArray& a : arrays) {
    out += (out.size() > 1 ? ",\n" : "\n") + boost::json::serialize(boost::json::string(a.name)) + ":";
    std::visit(
        [&](auto v) {
          auto next = v.data();
          append_nested(out, a.shape, 0, next);
        },
        a.values);
  }
  file.write(out + "\n}\n");
}

void check_extension(const std::filesystem::path& path) {
  for (const char* known : {".npz", ".npy", ".safetensors", ".json"})
    if (path.extension() == known) return;
  throw Error(Code::usage, path.string(), "write to .npz, .npy, .safetensors or .json");
}

// Values that the format cannot store are refused before anything is written.
void check_arrays(const std::filesystem::path& path, const std::string& extension, std::span<const NamedArray> arrays) {
  check_extension(path);
  if (extension == ".npy" && arrays.size() != 1)
    throw Error(Code::usage, path.string(), fmt::format(".npy holds one array, there are {}: use .npz", arrays.size()));
  for (const NamedArray& a : arrays) {
    if (!is_float(a) || a.dtype == DType::f32) continue;
    if (a.dtype != DType::f16 && a.dtype != DType::bf16)
      throw Error(Code::usage, a.name, fmt::format("{} is not written: F32, F16 and BF16 are", name(a.dtype)));
    if (extension != ".safetensors" && (a.dtype == DType::bf16 || extension == ".json"))
      throw Error(Code::usage, path.string(),
                  fmt::format("{} holds no {}: use .safetensors", extension, name(a.dtype)));
  }
}

}  // namespace

void write_arrays(const std::filesystem::path& path, std::span<const NamedArray> arrays) {
  const std::string extension = path.extension().string();
  check_arrays(path, extension, arrays);
  if (extension == ".safetensors") return write_safetensors(path, arrays);
  AtomicFile file(path);
  if (extension == ".npz") write_npz(file, arrays);
  if (extension == ".json") write_json(file, arrays);
  if (extension == ".npy") {
    std::vector<std::byte> room;
    file.write(npy_header(arrays[0]));
    file.write(bytes_of(arrays[0], room));
  }
  file.commit();
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void expect_writable(const std::filesystem::path& path) {
  std::error_code unseen;  // a path that cannot be read cannot be written either, and opening it reports that
  if (std::filesystem::is_directory(path, unseen)) throw Error(Code::io, path.string(), "cannot write: it is a folder");
  AtomicFile never_committed(path);
}

void expect_arrays(const std::filesystem::path& path) {
  check_extension(path);
  expect_writable(path);
}

void make_folder(const std::filesystem::path& folder) {
  if (const std::error_code error = create_folders(folder); error)
    throw Error(Code::io, folder.string(), "cannot be made: " + error.message());
}

}  // namespace embscope
