#include "files/narrow.h"

#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

namespace embscope {
namespace {

template <class Round>
std::size_t narrow_with(Round round, std::uint16_t infinity, std::span<const float> values, std::byte* out) {
  std::size_t first = values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t bits = round(values[i]);
    std::memcpy(out + 2 * i, &bits, sizeof(bits));
    if ((bits & 0x7fff) == infinity && std::isfinite(values[i]) && first == values.size()) first = i;
  }
  return first;
}

}  // namespace

std::uint16_t to_f16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  std::uint32_t half = 0;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u;  // NaN
  } else if (magnitude >= 0x47800000u) {
    half = 0x7c00u;  // 65536 and more
  } else if (magnitude < 0x38800000u) {
    // Below 2^-14 halves are multiples of 2^-24, the last place of 0.5f: adding it rounds to one.
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - std::bit_cast<std::uint32_t>(0.5f);
  } else {
    half = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

std::uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);  // NaN, kept one
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

std::size_t narrow(std::span<const float> values, DType dtype, std::byte* out) {
  assert(dtype == DType::f16 || dtype == DType::bf16);
  return dtype == DType::f16 ? narrow_with(to_f16, 0x7c00, values, out) : narrow_with(to_bf16, 0x7f80, values, out);
}

std::string too_large(float value, DType dtype, std::string_view whose) {
  return fmt::format("{}{}the value {} is too large for {}: choose {}", whose, whose.empty() ? "" : ": ", value,
                     dtype == DType::f16 ? "fp16 (at most 65504)" : "bf16",
                     dtype == DType::f16 ? "bf16 or fp32" : "fp32");
}

}  // namespace embscope
