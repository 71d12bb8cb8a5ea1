// Rows of a space at unit length.
#pragma once

#include <algorithm>
#include <span>

#include "embscope/tensor/tensor.h"
#include "kernels/gemm.h"

namespace embscope {

/// Limits a computed cosine (or correlation) to -1..1, against rounding; NaN stays NaN.
inline double as_cosine(double quotient) { return std::clamp(quotient, -1.0, 1.0); }

/// All rows at unit length (in double, rounded once); zero rows stay zero. With a mean, it is subtracted first.
Tensor unit_vectors(const Tensor& vectors, const std::vector<double>* mean = nullptr);

/// Some rows of a matrix as the columns of a product.
Packed packed_rows(const Tensor& vectors, std::span<const std::int64_t> rows);

/// cosines[i][j] of unit rows [first, first + count) with the packed ones, on the calling thread.
void cosines_with(const Tensor& units, std::int64_t first, std::int64_t count, const Packed& columns, float* cosines);

}  // namespace embscope
