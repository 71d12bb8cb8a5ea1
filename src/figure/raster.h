// The embedding matrix as pixels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "embscope/figure/figure.h"

namespace embscope {

/// 8-bit RGB pixels, row by row, as a PNG file.
std::vector<std::uint8_t> encode_png(const std::vector<std::uint8_t>& rgb, int width, int height);

/// Red for 1, white for 0, blue for -1; beyond, the same full colour.
struct Rgb {
  std::uint8_t r, g, b;
};
Rgb diverging(double value);

/// |value| of full colour: the 99th percentile of |value| over the embedding matrix.
double robust_range(const Model& model);

/// White for 0, blue for 1/2, dark blue for 1, straight lines between.
inline constexpr Rgb sequential_stops[] = {{255, 255, 255}, {66, 146, 198}, {8, 48, 107}};
Rgb sequential(double value);

}  // namespace embscope
