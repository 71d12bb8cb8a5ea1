// Causal attention of one row and one head over contiguous queries, keys and values, and its gradient. The pattern is
// recomputed for the gradient instead of stored: [T, T] of one head at a time instead of [B, H, T, T] for every block.
#pragma once

#include <cstdint>

#include "forward/attention.h"
#include "kernels/backward.h"

namespace embscope {

/// q, k, v: position 0 of this head, [T, K], strides in floats from one position to the next.
struct HeadPass {
  std::int64_t positions;  ///< T
  HeadShape shape;
  const float *q, *k, *v;
  std::int64_t q_stride, k_stride, v_stride;
  Dropout dropout;             ///< of the pattern
  std::uint64_t first_number;  ///< of its elements, numbered row by row
};

/// z [T, K] = softmax(q k^T scale) v over the keys that a query attends to, with the same bits as forward/attention.
void attend_forward(const HeadPass& head, float* z, std::int64_t z_stride);

/// Where the gradients go: those by q, k, v with the strides of q, k, v.
struct HeadGradients {
  float *q, *k, *v;
  bool add = false;  ///< add to the gradients of k and v: several query heads may share one key head
  float *pattern = nullptr, *scores = nullptr;  ///< [T, T] each, or null; only keys a query may see are written
};

/// The gradients from dz.
void attend_backward(const HeadPass& head, const float* dz, std::int64_t z_stride, const HeadGradients& d);

}  // namespace embscope
