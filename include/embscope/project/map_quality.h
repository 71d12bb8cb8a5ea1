// MapQuality: how well a map preserves neighbourhoods and distances, as a whole and for each point.
// Thread rule: pure functions; the same answer for any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "embscope/project/neighbours.h"

namespace embscope {

struct QualityOptions {
  int k = 10;
  Metric metric = Metric::cosine;  ///< of the vectors; in the plane it is always the Euclidean distance
  std::int64_t sample =
      1000;                ///< number of points that are measured, each against all others; 0 or a larger number: all
  std::uint64_t seed = 1;  ///< seed of the sample
};

/// Means over the measured points, and the same for each of them.
struct MapQuality {
  std::int64_t count = 0;         ///< points of the map
  std::vector<std::int64_t> ids;  ///< the measured points, ascending
  std::vector<double> kept_of;    ///< for each: share of its k nearest vectors that are among its k nearest on the map
  std::vector<double> trustworthiness_of;
  double kept = 0;
  double trustworthiness =
      0;  ///< 1 minus the penalty for neighbours on the map that are not neighbours in the space (Venna & Kaski 2001)
  double rank_correlation =
      0;  ///< Spearman's, of the distances of all pairs, or of 200 random pairs for each measured point
  std::int64_t pairs = 0;  ///< number of pairs in the correlation

  bool sampled() const { return static_cast<std::int64_t>(ids.size()) < count; }
};

/// vectors [N, D], points [N, 2]. Throws Error{shape} if their numbers differ, Error{range} for k outside 1..N/2 - 1
/// and for what nearest_neighbours refuses.
MapQuality map_quality(const Tensor& vectors, const Tensor& points, const QualityOptions& options = {},
                       const Progress& progress = {});

}  // namespace embscope
