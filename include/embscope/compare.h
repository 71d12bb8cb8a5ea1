// Compare: two embedding spaces, two layers or two checkpoints, of equal or different width, as relations and as
// coordinates. Thread rule: pure functions. The same numbers for any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "embscope/progress.h"
#include "embscope/space.h"
#include "embscope/table.h"
#include "embscope/transformer.h"

namespace embscope {

struct CompareOptions {
  int k = 10;  ///< neighbours whose overlap is counted; 0: none
  std::int64_t pairs =
      200'000;             ///< of vectors, for the correlation of similarities: all of them where there are no more
  std::uint64_t seed = 1;  ///< of the sample of pairs
};

struct Comparison {
  /// Columns measure, value, meaning. `linear CKA` (Kornblith et al. 2019); `Procrustes similarity` and `disparity`
  /// (Schoenemann 1966: both sides centred and of size 1, turned onto each other by an orthogonal map); `RSA`
  /// (Kriegeskorte, Mur & Bandettini 2008: correlation of the pairs' cosines, of ranks and of values); `neighbours
  /// kept`; the same token's own cosine, as it is (where widths are equal) and after alignment.
  Table measures;
  /// The matched rows, those that moved most first: columns token, a, b (their rows), own_cosine, aligned_cosine (both
  /// about the mean vectors for the latter), kept (share of the k neighbours in common; NaN with k = 0).
  Table tokens;
  Table pairs;  ///< of the sampled pairs, up to 5000: columns a, b (cosines in each space)
  std::int64_t matched = 0, only_a = 0, only_b = 0, zero = 0;
};

/// Rows with equal labels; of equal labels within one space the first. Throws Error{usage} when fewer than 3 match.
Comparison compare(const Space& a, const Space& b, const CompareOptions& options = {}, const Progress& progress = {});

/// One site's vectors [D] of a text's tokens as a Space: labels "position token". `rows` as in layer_geometry; at most
/// `positions` vectors. Throws Error{shape} for a site whose vectors are no vectors of a position.
Space text_space(const Transformer& transformer, std::span<const std::vector<TokenId>> rows, Site site,
                 std::int64_t positions = 2048);

/// Linear CKA of every layer of one run with every layer of another over the same positions: columns a, b (layers: 0 is
/// what enters block 0), cka. Throws Error{usage} when the rows differ in length.
Table layer_similarity(const Transformer& a, std::span<const std::vector<TokenId>> rows_a, const Transformer& b,
                       std::span<const std::vector<TokenId>> rows_b, std::int64_t positions = 512,
                       const Progress& progress = {});

}  // namespace embscope
