// The gradient of a linear map's weights, split into parts of equal work.
#pragma once

#include <cstdint>
#include <vector>

namespace embscope {

/// y = x W + bias over N positions: dw [in, out] (+)= x^T dy, dbias [out] (+)= sum of dy's rows. Each element is one
/// chain of sums over the positions in order, independent of the parts.
struct WeightGradient {
  const float* x;
  std::int64_t x_stride, in;
  const float* dy;
  std::int64_t dy_stride, out;
  std::int64_t positions;
  float* dw;     ///< [in, out]
  float* dbias;  ///< or null
  bool add;
};

/// All of them, in parallel.
void weight_gradients(const std::vector<WeightGradient>& maps);

}  // namespace embscope
