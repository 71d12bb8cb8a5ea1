// The types of ggml whose blocks are a scale (and a minimum) in half precision and small integers (ggml-quants.h), low
// nibbles before high ones.
#include "tensor/blocks.h"

#include <bit>
#include <cmath>

#include "tensor/bytes.h"

namespace embscope {
namespace {

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

void decode_q2_k(const Byte* b, float* y) {
  const float d = half_at(b + 80), dmin = half_at(b + 82);
  for (int i = 0; i < 256; ++i) {
    const int q = b[16 + i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3, scale = b[i / 16];
    y[i] = d * static_cast<float>(scale & 15) * static_cast<float>(q) - dmin * static_cast<float>(scale >> 4);
  }
}

// The scales have six bits: the low four of all sixteen in eight bytes, the high two in four.
void decode_q3_k(const Byte* b, float* y) {
  const Byte *high = b, *low = b + 32, *scales = b + 96;
  const float d = half_at(b + 108);
  for (int i = 0; i < 256; ++i) {
    const int j = i / 16;
    const int scale = (scales[j % 8] >> (j / 8 * 4) & 15) | (scales[8 + j % 4] >> (j / 4 * 2) & 3) << 4;
    const int q = (low[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3) | (high[i % 32] >> i / 32 & 1) << 2;
    y[i] = d * static_cast<float>(scale - 32) * static_cast<float>(q - 4);
  }
}

// Its sums of sixteen serve products with other blocks, and are not needed here.
void decode_q8_k(const Byte* b, float* y) {
  const auto d = load<float>(b);
  for (int i = 0; i < 256; ++i) y[i] = d * static_cast<float>(static_cast<std::int8_t>(b[4 + i]));
}

// Five values of -1, 0, 1 in a byte, as a fraction of 256 in base three.
float ternary(int byte, int power) { return static_cast<float>(((byte * power & 255) * 3 >> 8) - 1); }

void decode_tq1_0(const Byte* b, float* y) {
  constexpr int powers[] = {1, 3, 9, 27, 81};
  const float d = half_at(b + 52);
  for (int i = 0; i < 160; ++i) y[i] = d * ternary(b[i % 32], powers[i / 32]);
  for (int i = 0; i < 80; ++i) y[160 + i] = d * ternary(b[32 + i % 16], powers[i / 16]);
  for (int i = 0; i < 16; ++i) y[240 + i] = d * ternary(b[48 + i % 4], powers[i / 4]);
}

void decode_tq2_0(const Byte* b, float* y) {
  const float d = half_at(b + 64);
  for (int i = 0; i < 256; ++i) y[i] = d * static_cast<float>((b[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3) - 1);
}

constexpr float iq4_values[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr float fp4_values[] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};  // of E2M1, doubled

// `count` bytes: their low nibbles, then their high ones.
void decode_nibbles(const Byte* q, int count, const float* values, float d, float* y) {
  for (int i = 0; i < count; ++i) y[i] = d * values[q[i] & 15];
  for (int i = 0; i < count; ++i) y[count + i] = d * values[q[i] >> 4];
}

void decode_iq4_nl(const Byte* b, float* y) { decode_nibbles(b + 2, 16, iq4_values, half_at(b), y); }

void decode_iq4_xs(const Byte* b, float* y) {
  const int high = load<std::uint16_t>(b + 2);
  for (int j = 0; j < 8; ++j) {
    const int scale = (b[4 + j / 2] >> (j % 2 * 4) & 15) | (high >> 2 * j & 3) << 4;
    decode_nibbles(b + 8 + 16 * j, 16, iq4_values, half_at(b) * static_cast<float>(scale - 32), y + 32 * j);
  }
}

// Half of 2^(e - 127).
float half_power(std::uint32_t e) { return std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23); }

void decode_mxfp4(const Byte* b, float* y) { decode_nibbles(b + 1, 16, fp4_values, half_power(b[0]), y); }

// Half of an unsigned E4M3; its NaN counts as 0.
float half_e4m3(int x) {
  if (x == 0x7f) return 0;
  const int exponent = x >> 3 & 15;
  const auto mantissa = static_cast<float>(x & 7);
  return exponent == 0 ? mantissa * 0x1p-10f : std::ldexp(1 + mantissa / 8, exponent - 8);
}

void decode_nvfp4(const Byte* b, float* y) {
  for (int j = 0; j < 4; ++j) decode_nibbles(b + 4 + 8 * j, 8, fp4_values, half_e4m3(b[j]), y + 16 * j);
}

}  // namespace

DecodeBlock block_decoder(DType dtype) {
  switch (dtype) {
    case DType::q8_0: return decode_q8_0;
    case DType::q4_0: return decode_q4_0;
    case DType::q4_1: return decode_q4_1;
    case DType::q5_0: return decode_q5_0;
    case DType::q5_1: return decode_q5_1;
    case DType::q2_k: return decode_q2_k;
    case DType::q3_k: return decode_q3_k;
    case DType::q4_k: return decode_q4_k;
    case DType::q5_k: return decode_q5_k;
    case DType::q6_k: return decode_q6_k;
    case DType::q8_k: return decode_q8_k;
    case DType::iq4_nl: return decode_iq4_nl;
    case DType::iq4_xs: return decode_iq4_xs;
    case DType::tq1_0: return decode_tq1_0;
    case DType::tq2_0: return decode_tq2_0;
    case DType::mxfp4: return decode_mxfp4;
    case DType::nvfp4: return decode_nvfp4;
    default: return codebook_decoder(dtype);
  }
}

}  // namespace embscope
