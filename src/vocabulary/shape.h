// Shape: measures of a set of vectors as a whole, for the geometry of a vocabulary and of a layer.
#pragma once

#include <vector>

#include "embscope/tensor/tensor.h"
#include "kernels/eigen.h"

namespace embscope {

/// The rows of a matrix that are not zero, and their indices. Must not outlive the matrix.
class Directed {
 public:
  explicit Directed(const Tensor& all);  ///< throws Error{range} for fewer than 2 such rows
  const Tensor& vectors() const { return copy_.empty() ? *all_ : copy_; }
  const std::vector<std::int64_t>& rows() const { return rows_; }
  std::int64_t left_out() const { return all_->rows() - static_cast<std::int64_t>(rows_.size()); }

 private:
  const Tensor* all_;
  std::vector<std::int64_t> rows_;
  Tensor copy_;
};

/// Per dimension over all rows, in double.
struct Dimensions {
  std::vector<double> mean, deviation, cosine_part;  ///< cosine_part adds up to the mean cosine over all pairs
};

struct Shape64 {
  double count = 0, mean_norm = 0, norm_deviation = 0, shortest = 0, longest = 0;
  double mean_length = 0;     ///< of the mean vector
  double mean_share = 0;      ///< |mean|^2 / mean of |x|^2
  double mean_cosine = 0;     ///< over all pairs, in closed form: (|sum of unit vectors|^2 - N) / (N (N - 1))
  double centred_cosine = 0;  ///< the same once the mean vector is removed
  Dimensions dimensions;
};
Shape64 shape_of(const Tensor& vectors);

/// Covariance (divided by N - 1) -> eigenvalues, largest first, never below 0; vectors as rows.
Eigen principal_axes(const Tensor& vectors, const std::vector<double>& mean);

/// exp of the entropy of the singular values' shares (Roy & Vetterli 2007), from the covariance's eigenvalues.
double effective_rank(const std::vector<double>& eigenvalues);

/// (sum)^2 / sum of squares.
double participation_ratio(const std::vector<double>& eigenvalues);

/// IsoScore (Rudman, Gillman, Rayne & Eickhoff 2022): 1 if every direction has the same variance, 0 if one direction
/// has all of it.
double isoscore(const std::vector<double>& eigenvalues);

/// min Z(c) / max Z(c) with Z(c) = sum over rows of exp(c . x), c = the eigenvectors of X^T X and their opposites
/// (Arora et al. 2016; Mu & Viswanath 2018).
double partition_isotropy(const Tensor& vectors);

/// Of the rows, in double.
std::vector<double> mean_of(const Tensor& vectors);

/// The sum of the squares of a matrix' values.
double squares(const Matrix64& m);

/// The vectors minus their mean.
Tensor centred(const Tensor& vectors, const std::vector<double>& mean);

}  // namespace embscope
