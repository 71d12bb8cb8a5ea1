// Sums of products over many rows, in double: what covariances and their comparisons are made of.
#pragma once

#include <cstdint>
#include <vector>

namespace embscope {

/// A row-major matrix of doubles.
struct Matrix64 {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;

  Matrix64() = default;
  Matrix64(std::int64_t rows_, std::int64_t columns_)
      : rows(rows_), columns(columns_), values(static_cast<std::size_t>(rows_ * columns_)) {}
  double* row(std::int64_t i) { return values.data() + i * columns; }
  const double* row(std::int64_t i) const { return values.data() + i * columns; }
};

/// out[i][j] = sum over rows r of (x[r][i] - x_shift[i]) * (y[r][j] - y_shift[j]) for x [rows, x_width], y [rows,
/// y_width], both without gaps. Exact products, each output one chain of fused multiply-adds in order of r, whatever
/// the threads. A shift may be null. x and y may be the same.
Matrix64 moments(const float* x, std::int64_t x_width, const double* x_shift, const float* y, std::int64_t y_width,
                 const double* y_shift, std::int64_t rows);

/// a [n, k] b [k, m], in double, each output in order of k.
Matrix64 product(const Matrix64& a, const Matrix64& b);
Matrix64 transpose(const Matrix64& a);

}  // namespace embscope
