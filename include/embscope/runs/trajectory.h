// Trajectory: the residual vector of one position after each block, as a path in a plane.
// Lifetime: results own what they hold. Thread rule: pure functions over a Transformer.
#pragma once

#include <string>
#include <vector>

#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct TrajectoryRequest {
  std::vector<TokenId> ids;  ///< the text's tokens (Tokenizer::with_bos)
  int position = -1;         ///< negative counts from the end
  /// Two vectors [D] that span the plane: the first is the x axis, the orthogonal part of the second (Gram-Schmidt) the
  /// y axis. Empty: the first two principal components of the path itself.
  std::vector<std::vector<float>> axes;
  std::vector<std::string> names;  ///< names of the two vectors, for titles
};

struct TrajectoryResult {
  int position = 0;
  Tensor points;                   ///< [L + 1, 2]: before block 0, then after each block
  std::vector<std::string> sites;  ///< of each point
  std::vector<std::string> axes;   ///< descriptions of the two axes
  Table table;                     ///< columns block (-1: before block 0), x, y, site
};

/// Throws Error{range} for a position outside the text or axes that span no plane, Error{shape} for vectors of another
/// length, Error{usage} for one axis alone; what Transformer::run throws.
TrajectoryResult trajectory(const Transformer& transformer, const TrajectoryRequest& request,
                            const Progress& progress = {});

}  // namespace embscope
