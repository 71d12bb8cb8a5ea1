// Rows of a stored matrix, decoded or multiplied with one output a lane. Types and instruction sets that have no such
// kernel are decoded value by value (`decode_values`); the bits are the same.
#pragma once

#include <cstdint>

#include "kernels/stored.h"

namespace embscope {

/// Whether this machine decodes such a matrix in lanes, which is the precondition of `decode_tile`, and whether few
/// rows gain from values that are not stored, which is that of `dot_rows`. Both: it is not stored by inputs.
bool has_tiles(const Stored& w);
bool has_dots(const Stored& w);

/// Outputs [first, first + count), count <= 32, and inputs [k, k + depth), k at a block (of 64 where it has none), as a
/// panel [depth][32] whose columns beyond `count` may hold anything. `ahead`: the next call is for the next k, and for
/// the next outputs after all k, so that these are read beforehand.
void decode_tile(const Stored& w, std::int64_t first, std::int64_t count, std::int64_t k, std::int64_t depth,
                 bool ahead, float* panel);

/// Rows of x, `stride` floats apart.
struct Inputs {
  const float* at;
  std::int64_t stride, rows;
};

/// y[r][j] = sum_k x[r][k] * w[first + j][k], a chain of fused multiply-adds over k in order, for j < count. For few
/// rows: four at a time share the decoded weights, which are not stored.
void dot_rows(Inputs x, const Stored& w, std::int64_t first, std::int64_t count, float* y, std::int64_t y_stride);

}  // namespace embscope
