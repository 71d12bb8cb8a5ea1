// Files put together piece by piece.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace embscope::fuzz {

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
  std::string text;
};

}  // namespace embscope::fuzz
