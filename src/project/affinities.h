// Affinities: t-SNE's symmetric weights P, sparse, with the bandwidth of each point found from the perplexity.
#pragma once

#include <cstdint>
#include <vector>

#include "embscope/project/neighbours.h"

namespace embscope {

struct Affinities {
  std::vector<std::int64_t> offsets;  // [n + 1], multiples of weight_step: row i has [offsets[i], offsets[i + 1])
  std::vector<std::int32_t> index;    // ascending in a row; padding names the row itself
  std::vector<float> p;               // sums to 1; padding is 0
  double entropy = 0;                 // sum p log p

  std::int64_t count() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
};

/// P(j|i) = exp(-beta_i d_ij) / sum over the neighbours of i, with beta_i such that the entropy is log(perplexity) (van
/// der Maaten & Hinton 2008); d is the square of the distance, 1 - cosine or Euclidean, as scikit-learn and openTSNE
/// have it. [count, k], parallel to `neighbours.ids`.
std::vector<float> conditional_weights(const Neighbours& neighbours, Metric metric, double perplexity);

/// P = (P(j|i) + P(i|j)) / 2n. Both arguments are freed during the computation: move them in.
Affinities symmetric(Neighbours neighbours, std::vector<float> conditional);

/// Of directed strengths a and b of a pair, a + b - ab: UMAP's fuzzy union, in the same form. `entropy` is not
/// computed.
Affinities fuzzy_union(Neighbours neighbours, std::vector<float> directed);

}  // namespace embscope
