// The types of one to three bits of ggml: groups of four or eight values are rows of a codebook, their signs apart
// (ggml-quants.h).
#include <bit>

#include "tensor/blocks.h"
#include "tensor/bytes.h"
#include "tensor/grids.h"

namespace embscope {
namespace {

constexpr float iq2_values[] = {8, 25, 43};
constexpr float iq3_xxs_values[] = {4, 12, 20, 28, 36, 44, 52, 62};
constexpr float iq3_s_values[] = {1, 3, 5, 7, 9, 11, 13, 15};
constexpr float iq1_values[] = {-1, 0, 1};

// Seven signs and an eighth that makes their number even.
int even_signs(std::uint32_t seven) {
  seven &= 127;
  return static_cast<int>(seven | (static_cast<std::uint32_t>(std::popcount(seven)) & 1) << 7);
}

// `count` values of one row of a codebook, `bits` each; value i is negative where bit i of `signs` is set.
template <int count, int bits>
void row(int packed, const float* values, float scale, int signs, float* y) {
  for (int i = 0; i < count; ++i) {
    const float value = scale * values[packed >> (bits * i) & ((1 << bits) - 1)];
    y[i] = (signs >> i & 1) != 0 ? -value : value;
  }
}

void decode_iq2_xxs(const Byte* b, float* y) {
  for (int j = 0; j < 8; ++j) {
    const Byte* index = b + 2 + 8 * j;
    const auto rest = load<std::uint32_t>(index + 4);
    const float d = half_at(b) * (0.5f + static_cast<float>(rest >> 28)) * 0.25f;
    for (int l = 0; l < 4; ++l, y += 8) row<8, 2>(iq2_xxs_grid[index[l]], iq2_values, d, even_signs(rest >> 7 * l), y);
  }
}

// The scale of values 16 j to 16 j + 15 in IQ2_XS and IQ2_S.
float iq2_scale(const Byte* b, const Byte* scales, int j) {
  return half_at(b) * (0.5f + static_cast<float>(scales[j / 2] >> (j % 2 * 4) & 15)) * 0.25f;
}

void decode_iq2_xs(const Byte* b, float* y) {
  for (int j = 0; j < 32; ++j, y += 8) {
    const int q = load<std::uint16_t>(b + 2 + 2 * j);
    row<8, 2>(iq2_xs_grid[q & 511], iq2_values, iq2_scale(b, b + 66, j / 2),
              even_signs(static_cast<std::uint32_t>(q) >> 9), y);
  }
}

void decode_iq2_s(const Byte* b, float* y) {
  const Byte *index = b + 2, *signs = b + 34, *high = b + 66;
  for (int j = 0; j < 32; ++j, y += 8) {
    const int q = index[j] | (high[j / 4] >> (j % 4 * 2) & 3) << 8;
    row<8, 2>(iq2_s_grid[q], iq2_values, iq2_scale(b, b + 74, j / 2), signs[j], y);
  }
}

void decode_iq3_xxs(const Byte* b, float* y) {
  for (int j = 0; j < 8; ++j) {
    const Byte* index = b + 2 + 8 * j;
    const auto rest = load<std::uint32_t>(b + 66 + 4 * j);
    const float d = half_at(b) * (0.5f + static_cast<float>(rest >> 28)) * 0.5f;
    for (int l = 0; l < 4; ++l, y += 8) {
      const int signs = even_signs(rest >> 7 * l);
      row<4, 3>(iq3_xxs_grid[index[2 * l]], iq3_xxs_values, d, signs, y);
      row<4, 3>(iq3_xxs_grid[index[2 * l + 1]], iq3_xxs_values, d, signs >> 4, y + 4);
    }
  }
}

void decode_iq3_s(const Byte* b, float* y) {
  const Byte *index = b + 2, *high = b + 66, *signs = b + 74, *scales = b + 106;
  for (int j = 0; j < 64; ++j, y += 4) {
    const int q = index[j] | (high[j / 8] >> j % 8 & 1) << 8;
    const float d = half_at(b) * static_cast<float>(1 + 2 * (scales[j / 16] >> (j / 8 % 2 * 4) & 15));
    row<4, 3>(iq3_s_grid[q], iq3_s_values, d, signs[j / 2] >> (j % 2 * 4), y);
  }
}

// One row of IQ1's codebook, each value moved by an eighth.
void shifted_row(int q, float d, float delta, float* y) {
  for (int i = 0; i < 8; ++i) y[i] = d * (iq1_values[iq1_s_grid[q] >> 2 * i & 3] + delta);
}

void decode_iq1_s(const Byte* b, float* y) {
  for (int j = 0; j < 8; ++j) {
    const int high = load<std::uint16_t>(b + 34 + 2 * j);
    const float d = half_at(b) * static_cast<float>(2 * (high >> 12 & 7) + 1),
                delta = (high & 0x8000) == 0 ? 0.125f : -0.125f;
    for (int l = 0; l < 4; ++l, y += 8) shifted_row(b[2 + 4 * j + l] | (high >> 3 * l & 7) << 8, d, delta, y);
  }
}

// The half-precision scale lies in the high nibbles of four words, whose other bits are the scales of 16 values each.
void decode_iq1_m(const Byte* b, float* y) {
  const auto word = [b](int i) { return static_cast<int>(load<std::uint16_t>(b + 48 + 2 * i)); };
  const int bits = word(0) >> 12 | (word(1) >> 12) << 4 | (word(2) >> 12) << 8 | (word(3) >> 12) << 12;
  const float d = half(static_cast<std::uint16_t>(bits));
  for (int j = 0; j < 32; ++j, y += 8) {
    const int high = b[32 + j / 2] >> (j % 2 * 4) & 15, scale = word(j / 8) >> (j / 2 % 4 * 3) & 7;
    shifted_row(b[j] | (high & 7) << 8, d * static_cast<float>(2 * scale + 1), (high & 8) == 0 ? 0.125f : -0.125f, y);
  }
}

}  // namespace

DecodeBlock codebook_decoder(DType dtype) {
  switch (dtype) {
    case DType::iq1_s: return decode_iq1_s;
    case DType::iq1_m: return decode_iq1_m;
    case DType::iq2_xxs: return decode_iq2_xxs;
    case DType::iq2_xs: return decode_iq2_xs;
    case DType::iq2_s: return decode_iq2_s;
    case DType::iq3_xxs: return decode_iq3_xxs;
    case DType::iq3_s: return decode_iq3_s;
    default: return nullptr;
  }
}

}  // namespace embscope
