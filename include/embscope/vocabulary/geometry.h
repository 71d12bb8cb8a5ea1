// Geometry: the shape of a whole embedding space: cone, stripes, spectrum, isotropy, hubs, under-trained tokens.
// Layers have the same measures in runs/layers.h. Thread rule: pure functions. The same numbers for any number of
// threads.
//
// Vectors of zero length have no direction: they are counted (`zero vectors`) and left out of every cosine.
#pragma once

#include <span>
#include <vector>

#include "embscope/space/space.h"
#include "embscope/vocabulary/similarity.h"

namespace embscope {

struct GeometryOptions {
  bool pairs = true;  ///< cosines of all pairs, unchanged and with the mean vector removed
  int k = 10;         ///< number of neighbours for hubs; 0: no hubs
};

/// One row per measure: columns measure, value, meaning (with its source). Throws Error{range} for fewer than 2 vectors
/// that are not zero.
Table geometry(const Space& space, const GeometryOptions& options = {}, const Progress& progress = {});

/// Cosine over all pairs of vectors (similarity.h has the model's); with `centred`, after the mean vector is removed.
PairCosines pair_cosines(const Tensor& vectors, bool centred, int bins = 200, const Progress& progress = {});

/// Quantiles of the distribution, 0 to 1: columns quantile, cosine; exact to one bin of the histogram, linear within
/// it.
Table pair_quantiles(const PairCosines& pairs);

/// Columns dimension, mean, deviation, ratio (|mean| / deviation: the stripes), cosine_share (the share of this
/// dimension in the mean cosine over all pairs: Timkey & van Schijndel 2021), outlier (1 if the mean or the deviation
/// is more than 3 deviations from that of all dimensions: Kovaleva et al. 2021). Largest ratio first.
Table dimensions(const Space& space);

/// Eigenvalues of the covariance: columns component, variance, share, cumulated.
Table spectrum(const Space& space);

/// Lengths of the vectors: columns from, to, vectors (a histogram from the shortest to the longest).
Table norms(const Space& space, int bins = 40);

/// How often each vector is among the k nearest of others (Radovanovic et al. 2010): columns rank, token, id,
/// occurrence. Largest first, for all rows that are not zero.
Table hubs(const Space& space, int k = 10, const Progress& progress = {});

/// Under-trained tokens. `indicator` is one minus the cosine with the mean of rows that are known to be unused (Land &
/// Bartolo 2024; for a model whose unembedding is not tied, both are rows of the unembedding); `distance` is the
/// distance to the mean of all rows (Rumbelow & Watkins 2023). Smallest indicator first; if no unused row is known, the
/// indicator is not-a-number and the smallest distance comes first.
struct Undertrained {
  Table tokens;                    ///< columns rank, token, id, indicator, distance, norm; all rows
  std::string reference;           ///< which rows were known to be unused
  double mean = 0, deviation = 0;  ///< of the indicator over the vocabulary
};
/// `unused` are the rows known to be unused; if empty, the tokens of single bytes that UTF-8 never contains (C0, C1,
/// F5..FF) and rows beyond the tokenizer's ids. Throws Error{range} for a row outside the space.
Undertrained undertrained(const Space& space, std::span<const std::int64_t> unused = {});

}  // namespace embscope
