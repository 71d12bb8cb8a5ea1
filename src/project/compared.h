// What neighbours and a map's quality compare: vectors under a metric, prepared once.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "embscope/neighbours.h"
#include "kernels/pairs.h"

namespace embscope {

// What is compared: the vectors (a copy where the mean is removed) and their lengths.
struct Compared {
  std::optional<Tensor> copy;
  const Tensor* vectors;
  Metric metric;
  std::vector<double> squares;  // |v|^2

  const float* row(std::int64_t i) const { return vectors->row(i).data(); }

  // The scores' own scale: rows at unit length under cosine.
  void fill(std::int64_t first, std::int64_t count, float* out) const {
    const std::int64_t width = vectors->columns();
    for (std::int64_t i = 0; i < count; ++i) {
      const double length = std::sqrt(squares[static_cast<std::size_t>(first + i)]);
      const float factor = metric == Metric::cosine ? static_cast<float>(1 / length) : 1;
      for (std::int64_t k = 0; k < width; ++k) out[i * width + k] = row(first + i)[k] * factor;
    }
  }

  double score(std::int64_t i, std::int64_t j) const {
    const std::int64_t width = vectors->columns();
    if (metric == Metric::euclidean) return -square_distance_in_double(row(i), row(j), width);
    const double product = product_in_double(row(i), row(j), width);
    if (metric == Metric::dot) return product;
    return product / std::sqrt(squares[static_cast<std::size_t>(i)] * squares[static_cast<std::size_t>(j)]);
  }

  float value(double score) const {
    return static_cast<float>(metric == Metric::euclidean ? std::sqrt(-score)
                              : metric == Metric::cosine  ? std::clamp(score, -1.0, 1.0)
                                                          : score);
  }
};

/// Checks and prepares: Error{range} for NaN, a zero vector under cosine, values whose products overflow.
Compared compared_by(const Tensor& vectors, const NeighbourOptions& options);

}  // namespace embscope
