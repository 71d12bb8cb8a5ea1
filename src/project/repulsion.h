// Repulsion: the force of all points of a map on each point, exactly or by interpolation on a grid.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/fft.h"

namespace embscope {

/// With w = 1 / (1 + |y_i - y_j|^2): pushes_i = sum_j w^2 (y_i - y_j), and Z = sum over i != j of w.
class Repulsion {
 public:
  explicit Repulsion(bool exact) : exact_(exact) {}

  /// points, pushes [n][2]. Returns Z.
  double find(const std::vector<float>& points, std::vector<float>& pushes);

 private:
  double by_pairs(const std::vector<float>& points, std::vector<float>& pushes);
  double by_grid(const std::vector<float>& points, std::vector<float>& pushes);
  void fit_grid(double span);

  bool exact_;
  std::unique_ptr<PlaneConvolution> convolution_;  // of the present grid
  std::int64_t side_ = 0;
  double spacing_ = 0;
};

}  // namespace embscope
