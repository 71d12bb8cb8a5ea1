// Growth: how the embedding vectors of a training run (training_run.h) formed, snapshot by snapshot.
// Thread rule: pure functions of the run's files. Printed numbers are summed in double.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/tensor/table.h"
#include "embscope/tensor/tensor.h"
#include "embscope/text/tokenizer.h"

namespace embscope {

struct GrowthRequest {
  std::filesystem::path run;
  std::vector<std::string>
      words;  ///< words whose neighbours are listed; empty: the six most frequent tokens with a letter
  int neighbours = 5;
  std::int64_t mapped = 100;    ///< number of tokens on the map, the most frequent ones; fewer if the text has fewer
  std::string method = "tsne";  ///< method of the map: tsne or pca
  std::uint64_t seed = 1;
  bool last_only = false;  ///< use only the last snapshot
};

struct Growth {
  /// One row per step: columns step, norm (mean), norm deviation, mean cosine (of all pairs), positive share (of them),
  /// and frequency and norm (the correlation of log frequency with norm). Over the tokens that occur in the text, at
  /// most the 2,048 most frequent.
  Table shape;
  Table neighbours;  ///< columns step, word, neighbours: the nearest tokens, with their cosines
  Table frequency;   ///< columns token, id, count, norm at first, norm at last; the most frequent first
  /// Columns step, token, x, y. Each step's map is rotated and mirrored (not scaled) to match the next one as closely
  /// as possible.
  Table map;
};

/// Throws Error{not_found} if the folder contains no snapshots, Error{format} or Error{shape} if they do not match the
/// model.
Growth growth(const GrowthRequest& request, const Progress& progress = {});

/// The rotation or reflection of points [N, 2] about their centre that brings them closest to `target` [N, 2], moved to
/// its centre (orthogonal Procrustes in the plane).
Tensor aligned(const Tensor& points, const Tensor& target);

}  // namespace embscope
