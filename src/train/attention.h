// Causal attention of one row and one head over contiguous queries, keys and values, and its gradient. The pattern is
// computed again for the gradient rather than kept: [T, T] of one head at a time instead of [B, H, T, T] for every block.
#pragma once

#include <cstdint>

#include "kernels/backward.h"

namespace embscope {

/// q, k, v: position 0 of this head, [T, K], `stride` floats from one position to the next; z and its stride likewise.
struct HeadPass {
  std::int64_t positions, width;  ///< T, K
  const float *q, *k, *v;
  std::int64_t stride;
  float scale;
  Dropout dropout;             ///< of the pattern
  std::uint64_t first_number;  ///< of its elements, numbered row by row
};

/// z [T, K] = softmax(q k^T scale) v over the keys a query may see: the bits of forward/attention.
void attend_forward(const HeadPass& head, float* z, std::int64_t z_stride);

/// dq, dk, dv (with the same stride as q, k, v) from dz.
void attend_backward(const HeadPass& head, const float* dz, std::int64_t z_stride, float* dq, float* dk, float* dv);

}  // namespace embscope
