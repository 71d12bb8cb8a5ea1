// The vectors that neighbours and map quality compare, prepared once for a metric.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include "embscope/project/neighbours.h"
#include "kernels/pairs.h"

namespace embscope {

// The compared vectors (a copy if the mean is removed) and their lengths.
struct Compared {
  const Tensor* given;
  Metric metric;
  std::optional<Tensor> copy;
  std::vector<double> squares;  // |v|^2
  double longest = 0;           // |v|

  const Tensor& vectors() const { return copy ? *copy : *given; }

  const float* row(std::int64_t i) const { return vectors().row(i).data(); }

  // The scores' own scale: rows at unit length under cosine.
  void fill(std::int64_t first, std::int64_t count, float* out) const {
    const std::int64_t width = vectors().columns();
    for (std::int64_t i = 0; i < count; ++i) {
      const double length = std::sqrt(squares[static_cast<std::size_t>(first + i)]);
      const float factor = metric == Metric::cosine ? static_cast<float>(1 / length) : 1;
      for (std::int64_t k = 0; k < width; ++k) out[i * width + k] = row(first + i)[k] * factor;
    }
  }

  /// In double: the cosine, the product, or -|a - b|^2 / 2.
  double score(std::int64_t i, std::int64_t j) const {
    const std::int64_t width = vectors().columns();
    // A distance needs no mean removed, and the copy is rounded.
    if (metric == Metric::euclidean)
      return -square_distance_in_double(given->row(i).data(), given->row(j).data(), width) / 2;
    const double product = product_in_double(row(i), row(j), width);
    if (metric == Metric::dot) return product;
    return product / std::sqrt(squares[static_cast<std::size_t>(i)] * squares[static_cast<std::size_t>(j)]);
  }

  std::vector<float> half_squares() const;  // |v|^2 / 2, for to_distances

  /// The largest difference, over all j, between a score of rows i and j computed in fp32 from `fill`'s rows and
  /// score(i, j).
  double error_bound(std::int64_t i) const;

  /// Scores of some rows [rows, n] with all, in fp32: cosines, products, or -|a - b|^2 / 2.
  void scores(std::span<const std::int64_t> rows, std::vector<float>& out) const;

  float value(double score) const {
    return static_cast<float>(metric == Metric::euclidean ? std::sqrt(-2 * score)
                              : metric == Metric::cosine  ? std::clamp(score, -1.0, 1.0)
                                                          : score);
  }
};

/// products[j] = a.b, to -|a - b|^2 / 2 = a.b - |a|^2 / 2 - |b|^2 / 2.
void to_distances(float* products, std::int64_t n, float own, const float* others);

/// The number of rows for one call of `scores`: at most 64 MB.
std::int64_t rows_at_once(std::int64_t n);

/// Checks and prepares: Error{range} for NaN, a zero vector under cosine, values whose products overflow.
Compared compared_by(const Tensor& vectors, const NeighbourOptions& options);

}  // namespace embscope
