// Principal components to a chosen accuracy: a map's start needs less of it than a picture's axes.
#pragma once

#include <vector>

#include "embscope/tensor/tensor.h"

namespace embscope {

/// pca() of projection.h, until each component's residual |A v - l v| is below `tolerance` times the largest
/// eigenvalue.
Tensor principal_scores(const Tensor& vectors, int count, double tolerance, std::vector<double>* explained = nullptr);

/// Throws Error{range} in the name of `who` unless every value is a number and finite; names the first row that is not.
void check_finite(const Tensor& vectors, const char* who);

}  // namespace embscope
