// Neighbours: the nearest others of every vector, exact.
// Thread rule: pure functions; the same answer for any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/tensor/tensor.h"

namespace embscope {

/// How near two vectors are: their cosine, their Euclidean distance, or their product a.b.
enum class Metric : std::uint8_t { cosine, euclidean, dot };

std::string_view name(Metric metric);        ///< "cosine", "euclidean", "dot"
Metric metric_named(std::string_view name);  ///< throws Error{usage} with the names there are

struct NeighbourOptions {
  int k = 10;                      ///< below the number of vectors
  Metric metric = Metric::cosine;  ///< nearest: the largest cosine, smallest distance, largest product
  bool centred = false;            ///< with the mean of all vectors removed first (in fp32)
  /// Under cosine, vectors of zeros have no neighbours (ids -1, values NaN) and are nobody's. Otherwise they are
  /// refused.
  bool leave_out_zeros = false;
};

/// Row i of `ids` has the k nearest others of vector i, nearest first, ties by lower index; `values` their cosines,
/// distances or products.
struct Neighbours {
  std::int64_t count = 0, k = 0;
  std::vector<std::int32_t> ids;       ///< [count, k]
  std::vector<float> values;           ///< [count, k]
  std::int64_t searched_again = 0;     ///< rows whose neighbours fp32 could not tell from others
  std::vector<std::int64_t> left_out;  ///< rows of zeros, with `leave_out_zeros`

  std::span<const std::int32_t> ids_of(std::int64_t i) const {
    return {ids.data() + i * k, static_cast<std::size_t>(k)};
  }
  std::span<const float> values_of(std::int64_t i) const {
    return {values.data() + i * k, static_cast<std::size_t>(k)};
  }
};

/// The k nearest of every vector [N, D]: all pairs, one triangle, tile by tile; the matrix of pairs is never stored.
/// Candidates (8 more than k) are found in fp32 and put in order in double. A row where the error bound of fp32 does
/// not prove that all others are farther is searched again among all that the bound admits, in double. Memory beyond
/// the vectors: about 12 (k + 16) bytes a vector, one copy of them when centred or Euclidean, and 64 MB for a second
/// search. Throws Error{range} for k outside 1..N-1, NaN, a zero vector under cosine (says how many), or values whose
/// products overflow.
Neighbours nearest_neighbours(const Tensor& vectors, const NeighbourOptions& options = {},
                              const Progress& progress = {});

/// The k nearest of one more vector [D] among `vectors`: of its own, all are candidates, under cosine but those of
/// zeros. k is cut to their number.
Neighbours nearest_to(std::span<const float> vector, const Tensor& vectors, const NeighbourOptions& options = {});

}  // namespace embscope
