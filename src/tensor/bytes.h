// Numbers from unaligned bytes.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace embscope {

using Byte = std::uint8_t;

template <class T>
T load(const Byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// IEEE half -> float without branches: the exponent is re-biased by a multiplication, which also handles subnormals;
// infinities and NaN are put back by hand.
inline float half(std::uint16_t h) {
  const std::uint32_t magnitude = (h & 0x7fffu) << 13, sign = (h & 0x8000u) << 16;
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  const std::uint32_t special = magnitude >= 0x0f800000u ? 0x7f800000u : 0u;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | special | sign);
}

inline float half_at(const Byte* from) { return half(load<std::uint16_t>(from)); }

}  // namespace embscope
