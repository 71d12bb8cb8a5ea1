// Projection: many-dimensional vectors as points in the plane.
// Thread rule: pure functions; a Tsne belongs to one thread. The same seed gives the same picture for any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "embscope/progress.h"
#include "embscope/tensor.h"

namespace embscope {

/// First `count` principal components of vectors [N, D] -> [N, count]; signs fixed so that the score of largest size is positive.
/// `explained`, when given, receives each component's share of the variance. Throws Error{range} for fewer than 2 vectors, or
/// NaN among them.
Tensor pca(const Tensor& vectors, int count = 2, std::vector<double>* explained = nullptr);

struct TsneOptions {
  double perplexity = 30;       ///< must be below (N - 1) / 3
  bool cosine = true;           ///< metric: cosine distance, or Euclidean
  int exaggerated_steps = 250;  ///< at early exaggeration
  int steps = 750;              ///< in all
  double exaggeration = 12;
  double learning_rate = 0;  ///< 0: N / exaggeration, at least 50 (Belkina et al. 2019)
  std::uint64_t seed = 1;    ///< of the jitter added to the PCA start (Kobak & Berens 2019)
};

/// t-SNE (van der Maaten & Hinton 2008) with exact gradients: a steppable object that a terminal loops over and a page animates.
class Tsne {
 public:
  /// vectors [N, D]. Throws Error{range} for N < 4, a perplexity too large for N (says the largest), or NaN; Error{range} for a
  /// zero vector under cosine.
  Tsne(const Tensor& vectors, const TsneOptions& options);
  ~Tsne();
  Tsne(Tsne&&) noexcept;

  bool step();  ///< one gradient step; false when done
  int steps_done() const;
  const Tensor& points() const;              ///< [N, 2]
  double divergence() const;                 ///< KL(P || Q) now, without exaggeration
  const std::vector<double>& trace() const;  ///< KL at every 50th step

  /// Gradient at the present points [N, 2] (without exaggeration), for tests.
  Tensor gradient() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Runs a Tsne to its end.
Tensor tsne(const Tensor& vectors, const TsneOptions& options, const Progress& progress = {});

}  // namespace embscope
