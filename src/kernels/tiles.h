// Rows of a stored matrix, decoded or multiplied with one output a lane. Types and instruction sets that have no such
// kernel are decoded value by value (`decode_values`); the bits are the same.
#pragma once

#include <cstdint>

#include "kernels/stored.h"

namespace embscope {

/// Whether this machine decodes a type in lanes.
bool has_tiles(DType dtype);

/// Outputs [first, first + count), count <= 32, and inputs [k, k + depth) of a matrix that is not stored by inputs, k
/// at a block, as a panel [depth][32] whose columns beyond `count` may hold anything. False when it has no kernel for
/// the type.
bool decode_tile(const Stored& w, std::int64_t first, std::int64_t count, std::int64_t k, std::int64_t depth,
                 bool ahead, float* panel);

/// y[j] = sum_k x[k] * w[first + j][k], a chain of fused multiply-adds over k in order, for j < count. Precondition:
/// has_tiles.
void dot_rows(const float* x, const Stored& w, std::int64_t first, std::int64_t count, float* y);

}  // namespace embscope
