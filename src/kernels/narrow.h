// Products of many rows with few columns, in double: what a search for principal components repeats.
// Every output is one chain of fused multiply-adds in a fixed order.
#pragma once

#include <cstdint>

namespace embscope {

/// Columns of the narrow side come in multiples of this.
inline constexpr std::int64_t narrow_step = 8;

/// y[r][c] = sum_k (x[r][k] - mean[k]) * b[k][c]. x [rows, width], b [width, columns], columns a multiple of
/// narrow_step.
void narrow_product(const float* x, std::int64_t rows, std::int64_t width, const double* mean, const double* b,
                    std::int64_t columns, double* y);

/// z[k][c] += sum_r (x[r][k] - mean[k]) * y[r][c], in order of r.
void narrow_transposed(const float* x, std::int64_t rows, std::int64_t width, const double* mean, const double* y,
                       std::int64_t columns, double* z);

}  // namespace embscope
