// Files made by hand, valid until a test says otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace embscope::files {

// Bytes of a file, written piece by piece.
class Bytes {
 public:
  template <class T>
  Bytes& put(T value) {
    text.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  Bytes& u32(std::uint64_t x) { return put(static_cast<std::uint32_t>(x)); }
  Bytes& u64(std::uint64_t x) { return put(x); }
  Bytes& string(std::string_view s) { return u64(s.size()).raw(s); }
  Bytes& raw(std::string_view s) {
    text += s;
    return *this;
  }
  Bytes& pad(std::size_t n) {
    text.resize((text.size() + n - 1) / n * n);
    return *this;
  }
  std::string text;
};

struct GgufTensor {
  std::string name = "t";
  std::vector<std::uint64_t> sizes = {4, 2};  // fastest first, as in the file
  std::uint32_t type = 0;
  std::uint64_t offset = 0;
  std::int64_t rank = -1;
};

struct Gguf {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::int64_t tensor_count = -1, key_count = -1;
  std::vector<std::string> keys;  // each one whole key-value record
  std::vector<GgufTensor> tensors = {{}};
  std::size_t data = 32;

  std::string bytes() const {
    Bytes b;
    b.raw(magic).u32(version).u64(
        static_cast<std::uint64_t>(tensor_count < 0 ? static_cast<std::int64_t>(tensors.size()) : tensor_count));
    b.u64(static_cast<std::uint64_t>(key_count < 0 ? static_cast<std::int64_t>(keys.size()) : key_count));
    for (const auto& key : keys) b.raw(key);
    for (const auto& t : tensors) {
      b.string(t.name).u32(t.rank < 0 ? t.sizes.size() : static_cast<std::uint64_t>(t.rank));
      for (auto size : t.sizes) b.u64(size);
      b.u32(t.type).u64(t.offset);
    }
    b.pad(32);
    b.text += std::string(data, '\0');
    return b.text;
  }
};

inline std::string key(std::string_view name, std::uint32_t type, const Bytes& value) {
  return Bytes().string(name).u32(type).raw(value.text).text;
}
inline std::string array(std::string_view name, std::uint32_t type, std::uint64_t count, std::string_view rest = "") {
  return key(name, 9, Bytes().u32(type).u64(count).raw(rest));
}

inline std::string gguf(const std::function<void(Gguf&)>& change) {
  Gguf file;
  change(file);
  return file.bytes();
}

inline std::string safetensors(std::string_view header, std::size_t data = 0, std::int64_t length = -1) {
  return Bytes()
      .u64(length < 0 ? header.size() : static_cast<std::uint64_t>(length))
      .raw(header)
      .raw(std::string(data, '\0'))
      .text;
}

inline std::string tensor(std::string_view fields) { return R"({"t":{)" + std::string(fields) + "}}"; }

inline std::string npy(std::string_view header, std::size_t data) {
  return Bytes()
      .raw(std::string_view("\x93NUMPY\x01\x00", 8))
      .put(static_cast<std::uint16_t>(header.size()))
      .raw(header)
      .raw(std::string(data, '\0'))
      .text;
}

}  // namespace embscope::files
