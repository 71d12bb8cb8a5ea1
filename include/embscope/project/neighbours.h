// Neighbours: the exact nearest neighbours of every vector.
// Thread rule: pure functions; the same answer for any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/tensor/tensor.h"

namespace embscope {

/// The measure of nearness: the cosine, the Euclidean distance, or the product a.b.
enum class Metric : std::uint8_t { cosine, euclidean, dot };

std::string_view name(Metric metric);        ///< "cosine", "euclidean", "dot"
Metric metric_named(std::string_view name);  ///< throws Error{usage} that lists the names

struct NeighbourOptions {
  int k = 10;                      ///< below the number of vectors
  Metric metric = Metric::cosine;  ///< nearest: the largest cosine, smallest distance, largest product
  bool centred = false;            ///< the mean of all vectors is removed first (in fp32)
  /// With the cosine, vectors of zeros have no neighbours (ids -1, values NaN) and are not neighbours of others. If
  /// false, they are refused.
  bool leave_out_zeros = false;
};

/// Row i of `ids` has the k nearest neighbours of vector i, nearest first, ties by lower index; `values` has their
/// cosines, distances or products.
struct Neighbours {
  std::int64_t count = 0, k = 0;
  std::vector<std::int32_t> ids;       ///< [count, k]
  std::vector<float> values;           ///< [count, k]
  std::int64_t searched_again = 0;     ///< rows whose neighbours could not be decided in fp32
  std::vector<std::int64_t> left_out;  ///< rows of zeros, with `leave_out_zeros`

  std::span<const std::int32_t> ids_of(std::int64_t i) const {
    return {ids.data() + i * k, static_cast<std::size_t>(k)};
  }
  std::span<const float> values_of(std::int64_t i) const {
    return {values.data() + i * k, static_cast<std::size_t>(k)};
  }
};

/// The k nearest of every vector [N, D]: all pairs, one triangle, tile by tile; the matrix of pairs is never stored.
/// Candidates (8 more than k) are found in fp32 and sorted in double. If the error bound of fp32 does not prove for a
/// row that all other vectors are farther, the row is searched again in double, among all vectors within the bound.
/// Memory in addition to the vectors: about 12 (k + 16) bytes per vector, one copy of the vectors if centred or
/// Euclidean, and 64 MB for a second search. Throws Error{range} for k outside 1..N-1, NaN, a zero vector with the
/// cosine (with their number), or values whose products overflow.
Neighbours nearest_neighbours(const Tensor& vectors, const NeighbourOptions& options = {},
                              const Progress& progress = {});

/// The k nearest neighbours among `vectors` of another vector [D]. All of them are candidates, with the cosine except
/// those of zeros; k is limited to their number.
Neighbours nearest_to(std::span<const float> vector, const Tensor& vectors, const NeighbourOptions& options = {});

}  // namespace embscope
