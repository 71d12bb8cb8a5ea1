// Causal attention of one row and one head over contiguous queries, keys and values, and its gradient. The pattern is
// computed again for the gradient rather than kept: [T, T] of one head at a time instead of [B, H, T, T] for every
// block.
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

/// z [T, K] = softmax(q k^T scale) v over the keys a query may see: the bits of forward/attention.
void attend_forward(const HeadPass& head, float* z, std::int64_t z_stride);

/// Where the gradients go: those by q, k, v with the strides of q, k, v.
struct HeadGradients {
  float *q, *k, *v;
  bool add = false;                             ///< to k's and v's: several heads of queries may share one of keys
  float *pattern = nullptr, *scores = nullptr;  ///< [T, T] each, or null; only keys a query may see are written
};

/// The gradients from dz.
void attend_backward(const HeadPass& head, const float* dz, std::int64_t z_stride, const HeadGradients& d);

}  // namespace embscope
