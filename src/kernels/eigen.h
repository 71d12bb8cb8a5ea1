// Eigenvalues and singular values of small dense matrices, in double.
#pragma once

#include <vector>

#include "kernels/moments.h"

namespace embscope {

/// Of a symmetric matrix: values, largest first; row i of `vectors` is the unit eigenvector of values[i].
struct Eigen {
  std::vector<double> values;
  Matrix64 vectors;
};

/// By Householder tridiagonalisation and implicit QL (Bowdler, Martin, Reinsch & Wilkinson 1968; Wilkinson & Reinsch
/// 1971, II/2 and II/4). Reads the lower triangle. Throws Error{range} when it does not converge, which finite input
/// does.
Eigen symmetric_eigen(Matrix64 a);

/// m [n, k] = sum_i values[i] left[i] right[i]^T with values largest first and orthonormal rows, min(n, k) of them;
/// vectors of zero values are completed to an orthonormal set.
struct Svd {
  std::vector<double> values;
  Matrix64 left, right;  ///< [min, n], [min, k]
};

/// By one-sided Jacobi rotations (Hestenes 1958), started from the eigenvectors of m^T m: small values keep their
/// accuracy.
Svd svd(const Matrix64& m);

}  // namespace embscope
