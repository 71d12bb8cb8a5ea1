// Map: vectors as points in the plane by any of the methods, from the first picture to the last.
// Thread rule: a pure function, which tells what it has on the caller's thread. The same for any number of threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/tensor/tensor.h"

namespace embscope {

struct MapOptions {
  std::string method = "tsne";                ///< tsne, umap or pca
  bool cosine = true;                         ///< t-SNE, UMAP: cosine distance, or Euclidean
  int steps = 0;                              ///< of t-SNE's gradient (0: 750), or UMAP's epochs (0: its own)
  double perplexity = 30, exaggeration = 12;  ///< t-SNE
  double stall = 0;     ///< t-SNE: ends when 50 steps lower the divergence by less than this share; 0: never
  int neighbours = 15;  ///< UMAP
  double min_dist = 0.1;
  int dimensions = 2;  ///< principal components
  std::uint64_t seed = 1;
  /// t-SNE: a file that keeps the state while it works. A map that was interrupted, killed or finished goes on from it.
  std::filesystem::path kept;
};

struct Map {
  Tensor points;                  ///< [N, 2]
  Tensor components;              ///< of pca: [N, dimensions]
  std::vector<double> explained;  ///< of pca: each component's share of the variance
  double divergence = 0;          ///< of t-SNE
  std::vector<double> trace;      ///< of t-SNE: its divergence every 50 steps
  int steps = 0, steps_done = 0;
};

/// `moved` (which may be empty) is told of the points [N, 2]: principal components while neighbours are found, then
/// after each step. Throws what Tsne, Umap and pca throw; Error{not_found} for another method; Error{usage} for a kept
/// file without t-SNE, or of a map by other options; Error{cancelled}, before which a kept map is saved.
Map make_map(const Tensor& vectors, const MapOptions& options, const std::function<void(const Tensor&)>& moved = {},
             const Progress& progress = {});

}  // namespace embscope
