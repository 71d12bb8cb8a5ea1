// Compare: two embedding spaces (of models, of layers: runs/in_context.h, of checkpoints), of equal or different width,
// as relations and as coordinates. Thread rule: pure functions. The same numbers for any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/space/space.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct CompareOptions {
  int k = 10;  ///< number of neighbours whose overlap is counted; 0: none
  std::int64_t pairs =
      200'000;             ///< number of pairs for the correlation of similarities; all pairs if there are no more
  std::uint64_t seed = 1;  ///< seed of the sample of pairs
};

struct Comparison {
  /// Columns measure, value, meaning. `linear CKA` (Kornblith et al. 2019); `Procrustes similarity` and `disparity`
  /// (Schoenemann 1966: both sides centred and of size 1, aligned by an orthogonal map); `RSA` (Kriegeskorte, Mur &
  /// Bandettini 2008: correlation of the pairs' cosines, of ranks and of values); `neighbours kept`; the cosine between
  /// a token's two vectors, unchanged (if the widths are equal) and after alignment.
  Table measures;
  /// The matched rows, those that moved most first: columns token, a, b (their rows), own_cosine, aligned_cosine (with
  /// the mean vectors removed), kept (share of the k neighbours in common; NaN with k = 0).
  Table tokens;
  Table pairs;  ///< the sampled pairs, up to 5000: columns a, b (cosines in each space)
  std::int64_t matched = 0, only_a = 0, only_b = 0, zero = 0;
};

/// Rows with equal labels; the first of equal labels within one space. Throws Error{usage} if fewer than 3 match.
Comparison compare(const Space& a, const Space& b, const CompareOptions& options = {}, const Progress& progress = {});

}  // namespace embscope
