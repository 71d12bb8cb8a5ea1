// Geometry: the shape of a whole embedding space: cone, stripes, spectrum, isotropy, hubs, under-trained tokens; and
// how the same measures go through the layers of a model for vectors in context. Thread rule: pure functions. The same
// numbers for any number of threads.
//
// Vectors of zero length have no direction: they are counted (`zero vectors`) and left out of every cosine.
#pragma once

#include <span>
#include <vector>

#include "embscope/similarity.h"
#include "embscope/space.h"
#include "embscope/transformer.h"

namespace embscope {

struct GeometryOptions {
  bool pairs = true;  ///< cosines of all pairs, as they are and with the mean vector removed
  int k = 10;         ///< neighbours that make a hub; 0: no hubs
};

/// Every measure as a row: columns measure, value, meaning (with its source). Throws Error{range} for fewer than 2
/// vectors that are not zero.
Table geometry(const Space& space, const GeometryOptions& options = {}, const Progress& progress = {});

/// Cosine over all pairs of vectors (similarity.h has the model's); with `centred`, after the mean vector is removed.
PairCosines pair_cosines(const Tensor& vectors, bool centred, int bins = 200, const Progress& progress = {});

/// Quantiles of the distribution, 0 to 1: columns quantile, cosine; exact to a bin of the histogram, linear within it.
Table pair_quantiles(const PairCosines& pairs);

/// Columns dimension, mean, deviation, ratio (|mean| / deviation: the stripes), cosine_share (the part of the mean
/// cosine over all pairs that this dimension alone makes: Timkey & van Schijndel 2021), outlier (1 where the mean or
/// the deviation lies more than 3 deviations from that of all dimensions: Kovaleva et al. 2021). Largest ratio first.
Table dimensions(const Space& space);

/// Eigenvalues of the covariance: columns component, variance, share, cumulated.
Table spectrum(const Space& space);

/// Lengths of the vectors: columns from, to, vectors (a histogram from the shortest to the longest).
Table norms(const Space& space, int bins = 40);

/// How often each vector is among the k nearest of others (Radovanovic et al. 2010): columns rank, token, id,
/// occurrence. Largest first, all rows that are not zero.
Table hubs(const Space& space, int k = 10, const Progress& progress = {});

/// Under-trained tokens. `indicator` is one minus the cosine with the mean of rows that are known to be unused (Land &
/// Bartolo 2024; for a model whose unembedding is not tied, both are of the unembedding); `distance` that to the mean
/// of all rows (Rumbelow & Watkins 2023). Smallest indicator first; where no unused row is known, the indicator is not
/// a number and the smallest distance comes first.
struct Undertrained {
  Table tokens;                    ///< columns rank, token, id, indicator, distance, norm; all rows
  std::string reference;           ///< which rows were known to be unused
  double mean = 0, deviation = 0;  ///< of the indicator over the vocabulary
};
/// Rows known to be unused are `unused`; without any, the single-byte tokens that UTF-8 never has (C0, C1, F5..FF) and
/// rows beyond the tokenizer's ids. Throws Error{range} for a row that the space has not.
Undertrained undertrained(const Space& space, std::span<const std::int64_t> unused = {});

struct LayerOptions {
  std::int64_t positions = 2048;  ///< at most so many vectors a layer, from the text's beginning
  bool skip_first = false;        ///< leave out the first position of every row: its vector is often of another size
};

/// The measures for contextual vectors, layer by layer, over all positions of `rows`: columns layer, site, vectors,
/// mean_cosine (over all pairs: Ethayarajh 2019), positive_share, centred_cosine, self_similarity (mean cosine of one
/// token's occurrences, over tokens that occur twice: the same), mean_norm, mean_share (of the squared lengths, what
/// the mean vector makes), effective_rank, isoscore, top_dimension and its cosine_share. Layer 0 is what enters block
/// 0; the last row is after the final norm. Throws Error{usage} for an empty text, what Transformer::run throws,
/// Error{cancelled}.
Table layer_geometry(const Transformer& transformer, std::span<const std::vector<TokenId>> rows,
                     const LayerOptions& options = {}, const Progress& progress = {});

}  // namespace embscope
