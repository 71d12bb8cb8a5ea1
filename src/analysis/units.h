// Rows of a space at unit length.
#pragma once

#include <span>

#include "embscope/tensor.h"
#include "kernels/gemm.h"

namespace embscope {

/// All rows at unit length (in double, rounded once); zero rows stay zero. With a mean, less that first.
Tensor unit_vectors(const Tensor& vectors, const std::vector<double>* mean = nullptr);

/// Some rows of a matrix as the columns of a product.
Packed packed_rows(const Tensor& vectors, std::span<const std::int64_t> rows);

/// cosines[i][j] of unit rows [first, first + count) with the packed ones, on the calling thread.
void cosines_with(const Tensor& units, std::int64_t first, std::int64_t count, const Packed& columns, float* cosines);

}  // namespace embscope
