// Typed bytes -> fp32.
#include <bit>
#include <cstring>

#include "base/file.h"
#include "embscope/tensor/tensor.h"
#include "tensor/blocks.h"
#include "tensor/bytes.h"

namespace embscope {
namespace {

template <class T>
void convert(const Byte* from, std::int64_t n, float* y) {
  for (std::int64_t i = 0; i < n; ++i)
    y[i] = static_cast<float>(load<T>(from + i * static_cast<std::int64_t>(sizeof(T))));
}

// E4M3 of the OCP, without infinities: the exponent is re-biased by a multiplication, which also handles subnormals.
float e4m3(std::uint32_t x) {
  const float scaled = std::bit_cast<float>((x & 0x7fu) << 20) * 0x1p120f;
  const std::uint32_t special = (x & 0x7fu) == 0x7fu ? 0x7fc00000u : 0u;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | special | (x & 0x80u) << 24);
}

float bf16(std::uint32_t x) { return std::bit_cast<float>(x << 16); }

template <class F>
void each(const Byte* from, std::int64_t n, std::int64_t bytes, float* y, F&& value) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = value(from + i * bytes);
}

}  // namespace

void decode_values(const std::byte* bytes, DType dtype, std::int64_t n, float* y) {
  const auto* from = reinterpret_cast<const Byte*>(bytes);
  switch (dtype) {
    case DType::f32: std::memcpy(y, from, static_cast<std::size_t>(n) * sizeof(float)); return;
    case DType::f16: return each(from, n, 2, y, half_at);
    case DType::bf16: return each(from, n, 2, y, [](const Byte* x) { return bf16(load<std::uint16_t>(x)); });
    case DType::f8_e4m3: return each(from, n, 1, y, [](const Byte* x) { return e4m3(*x); });
    case DType::f8_e5m2:
      return each(from, n, 1, y, [](const Byte* x) { return half(static_cast<std::uint16_t>(*x << 8)); });
    case DType::f64: return convert<double>(from, n, y);
    case DType::u8:
    case DType::boolean: return convert<std::uint8_t>(from, n, y);
    case DType::i8: return convert<std::int8_t>(from, n, y);
    case DType::i16: return convert<std::int16_t>(from, n, y);
    case DType::i32: return convert<std::int32_t>(from, n, y);
    case DType::i64: return convert<std::int64_t>(from, n, y);
    default: break;
  }
  const DecodeBlock decode_block = block_decoder(dtype);
  for (std::int64_t i = 0; i < n; i += block_size(dtype), from += block_bytes(dtype)) decode_block(from, y + i);
}

void decode_rows(const View& view, std::int64_t first, std::int64_t count, float* out) {
  if (count == 0 || view.columns() == 0) return;
  decode_values(view.data + first * view.row_bytes(), view.dtype, count * view.columns(), out);
  check_mapping(view.data);
}

Tensor decode(const View& view) {
  Tensor t = Tensor::uninitialised(view.shape);
  decode_rows(view, 0, view.rows(), t.data());
  return t;
}

}  // namespace embscope
