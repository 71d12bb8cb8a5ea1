// Typed bytes -> fp32. The quantised layouts are those of ggml (ggml-quants.h); a block is a scale (and a minimum) in
// half precision and small integers, low nibbles before high ones.
#include <bit>
#include <cstring>

#include "base/file.h"
#include "embscope/tensor.h"

namespace embscope {
namespace {

using Byte = std::uint8_t;

template <class T>
T load(const Byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// IEEE half -> float without branches: the exponent is re-biased by a multiplication, which also handles subnormals;
// infinities and NaN are put back by hand.
float half(std::uint16_t h) {
  const std::uint32_t magnitude = (h & 0x7fffu) << 13, sign = (h & 0x8000u) << 16;
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  const std::uint32_t special = magnitude >= 0x0f800000u ? 0x7f800000u : 0u;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | special | sign);
}

float half_at(const Byte* from) { return half(load<std::uint16_t>(from)); }

void decode_q8_0(const Byte* b, float* y) {
  const float d = half_at(b);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(static_cast<std::int8_t>(b[2 + i]));
}

void decode_q4_0(const Byte* b, float* y) {
  const float d = half_at(b);
  for (int i = 0; i < 16; ++i) y[i] = d * static_cast<float>((b[2 + i] & 15) - 8);
  for (int i = 0; i < 16; ++i) y[i + 16] = d * static_cast<float>((b[2 + i] >> 4) - 8);
}

void decode_q4_1(const Byte* b, float* y) {
  const float d = half_at(b), m = half_at(b + 2);
  for (int i = 0; i < 16; ++i) y[i] = d * static_cast<float>(b[4 + i] & 15) + m;
  for (int i = 0; i < 16; ++i) y[i + 16] = d * static_cast<float>(b[4 + i] >> 4) + m;
}

int fifth_bit(std::uint32_t bits, int i) { return static_cast<int>(bits >> i & 1u) << 4; }

void decode_q5_0(const Byte* b, float* y) {
  const float d = half_at(b);
  const auto high = load<std::uint32_t>(b + 2);
  for (int i = 0; i < 16; ++i) {
    y[i] = d * static_cast<float>(((b[6 + i] & 15) | fifth_bit(high, i)) - 16);
    y[i + 16] = d * static_cast<float>(((b[6 + i] >> 4) | fifth_bit(high, i + 16)) - 16);
  }
}

void decode_q5_1(const Byte* b, float* y) {
  const float d = half_at(b), m = half_at(b + 2);
  const auto high = load<std::uint32_t>(b + 4);
  for (int i = 0; i < 16; ++i) {
    y[i] = d * static_cast<float>((b[8 + i] & 15) | fifth_bit(high, i)) + m;
    y[i + 16] = d * static_cast<float>((b[8 + i] >> 4) | fifth_bit(high, i + 16)) + m;
  }
}

// The eight 6-bit scales and minima of a K-quant block, packed into 12 bytes.
struct ScaleMin {
  float scale, min;
};
ScaleMin scale_min(const Byte* s, int j, float d, float dmin) {
  const int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
  const int min = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | (s[j] >> 6) << 4;
  return {d * static_cast<float>(scale), dmin * static_cast<float>(min)};
}

void decode_q4_k(const Byte* b, float* y) {
  const float d = half_at(b), dmin = half_at(b + 2);
  const Byte* q = b + 16;
  for (int j = 0; j < 8; j += 2, q += 32, y += 64) {
    const ScaleMin low = scale_min(b + 4, j, d, dmin), high = scale_min(b + 4, j + 1, d, dmin);
    for (int i = 0; i < 32; ++i) y[i] = low.scale * static_cast<float>(q[i] & 15) - low.min;
    for (int i = 0; i < 32; ++i) y[i + 32] = high.scale * static_cast<float>(q[i] >> 4) - high.min;
  }
}

void decode_q5_k(const Byte* b, float* y) {
  const float d = half_at(b), dmin = half_at(b + 2);
  const Byte *fifth = b + 16, *q = b + 48;
  for (int j = 0; j < 8; j += 2, q += 32, y += 64) {
    const ScaleMin low = scale_min(b + 4, j, d, dmin), high = scale_min(b + 4, j + 1, d, dmin);
    for (int i = 0; i < 32; ++i) y[i] = low.scale * static_cast<float>((q[i] & 15) + fifth_bit(fifth[i], j)) - low.min;
    for (int i = 0; i < 32; ++i)
      y[i + 32] = high.scale * static_cast<float>((q[i] >> 4) + fifth_bit(fifth[i], j + 1)) - high.min;
  }
}

void decode_q6_k(const Byte* b, float* y) {
  const float d = half_at(b + 208);
  const Byte *low = b, *high = b + 128, *scales = b + 192;
  for (int part = 0; part < 2; ++part, low += 64, high += 32, scales += 8, y += 128) {
    for (int i = 0; i < 128; ++i) {
      const int l = i & 31, quarter = i >> 5;
      const int nibble = quarter < 2 ? low[l + 32 * (quarter & 1)] & 15 : low[l + 32 * (quarter & 1)] >> 4;
      const int q = (nibble | (high[l] >> (2 * quarter) & 3) << 4) - 32;
      y[i] = d * static_cast<float>(static_cast<std::int8_t>(scales[l / 16 + 2 * quarter])) * static_cast<float>(q);
    }
  }
}

template <class T>
void convert(const Byte* from, std::int64_t n, float* y) {
  for (std::int64_t i = 0; i < n; ++i)
    y[i] = static_cast<float>(load<T>(from + i * static_cast<std::int64_t>(sizeof(T))));
}

void blocks(const Byte* from, std::int64_t n, DType dtype, void (*decode_block)(const Byte*, float*), float* y) {
  for (std::int64_t i = 0; i < n; i += block_size(dtype), from += block_bytes(dtype)) decode_block(from, y + i);
}

void decode_elements(const Byte* from, DType dtype, std::int64_t n, float* y) {
  switch (dtype) {
    case DType::f32: std::memcpy(y, from, static_cast<std::size_t>(n) * sizeof(float)); return;
    case DType::f16:
      for (std::int64_t i = 0; i < n; ++i) y[i] = half_at(from + 2 * i);
      return;
    case DType::bf16:
      for (std::int64_t i = 0; i < n; ++i)
        y[i] = std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(from + 2 * i)) << 16);
      return;
    case DType::f64: return convert<double>(from, n, y);
    case DType::u8:
    case DType::boolean: return convert<std::uint8_t>(from, n, y);
    case DType::i8: return convert<std::int8_t>(from, n, y);
    case DType::i16: return convert<std::int16_t>(from, n, y);
    case DType::i32: return convert<std::int32_t>(from, n, y);
    case DType::i64: return convert<std::int64_t>(from, n, y);
    case DType::q8_0: return blocks(from, n, dtype, decode_q8_0, y);
    case DType::q4_0: return blocks(from, n, dtype, decode_q4_0, y);
    case DType::q4_1: return blocks(from, n, dtype, decode_q4_1, y);
    case DType::q5_0: return blocks(from, n, dtype, decode_q5_0, y);
    case DType::q5_1: return blocks(from, n, dtype, decode_q5_1, y);
    case DType::q4_k: return blocks(from, n, dtype, decode_q4_k, y);
    case DType::q5_k: return blocks(from, n, dtype, decode_q5_k, y);
    case DType::q6_k: return blocks(from, n, dtype, decode_q6_k, y);
  }
}

}  // namespace

void decode_rows(const View& view, std::int64_t first, std::int64_t count, float* out) {
  if (count == 0 || view.columns() == 0) return;
  const auto* from = reinterpret_cast<const Byte*>(view.data) + first * view.row_bytes();
  decode_elements(from, view.dtype, count * view.columns(), out);
  check_mapping(view.data);
}

Tensor decode(const View& view) {
  Tensor t = Tensor::uninitialised(view.shape);
  decode_rows(view, 0, view.rows(), t.data());
  return t;
}

}  // namespace embscope
