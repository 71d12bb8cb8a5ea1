// The codebooks of ggml's types of one to three bits with a byte for each value, four to a word: what lanes fetch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tensor/grids.h"

namespace embscope {

/// Values of a codebook row, in its order, `bits` each: the numbers of what stands in `values`.
template <int bits, std::size_t rows, std::size_t count>
constexpr auto codebook(const std::uint16_t (&grid)[rows], const std::int8_t (&values)[count]) {
  constexpr std::size_t row_words = 16 / bits / 4;
  std::array<std::uint32_t, rows * row_words> words{};
  for (std::size_t i = 0; i < rows * row_words * 4; ++i) {
    const int row = grid[i / (4 * row_words)], at = static_cast<int>(i % (4 * row_words)) * bits;
    const auto byte = static_cast<std::uint8_t>(values[row >> at & ((1 << bits) - 1)]);
    words[i / 4] |= std::uint32_t{byte} << 8 * (i % 4);
  }
  return words;
}

inline constexpr std::int8_t iq1_eighths[] = {-8, 0, 8}, iq2_codes[] = {8, 25, 43},
                             iq3_xxs_codes[] = {4, 12, 20, 28, 36, 44, 52, 62},
                             iq3_s_codes[] = {1, 3, 5, 7, 9, 11, 13, 15};

/// Two words a row of eight values.
inline constexpr auto iq1_codebook = codebook<2>(iq1_s_grid, iq1_eighths);
inline constexpr auto iq2_xxs_codebook = codebook<2>(iq2_xxs_grid, iq2_codes);
inline constexpr auto iq2_xs_codebook = codebook<2>(iq2_xs_grid, iq2_codes);
inline constexpr auto iq2_s_codebook = codebook<2>(iq2_s_grid, iq2_codes);
/// One word a row of four values.
inline constexpr auto iq3_xxs_codebook = codebook<3>(iq3_xxs_grid, iq3_xxs_codes);
inline constexpr auto iq3_s_codebook = codebook<3>(iq3_s_grid, iq3_s_codes);

}  // namespace embscope
