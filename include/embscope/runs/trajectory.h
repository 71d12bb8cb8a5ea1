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
  /// Two vectors [D] that span the plane: the first gives the axis across, what the second adds to it (Gram and
  /// Schmidt) the axis up. Empty: the first two principal components of the path itself.
  std::vector<std::vector<float>> axes;
  std::vector<std::string> names;  ///< of the two, for titles
};

struct TrajectoryResult {
  int position = 0;
  Tensor points;                   ///< [L + 1, 2]: as it enters block 0, then after each block
  std::vector<std::string> sites;  ///< of each point
  std::vector<std::string> axes;   ///< what the two axes are, in words
  Table table;                     ///< columns block (-1: before block 0), x, y, site
};

/// Throws Error{range} for a position the text has not or axes that span no plane, Error{shape} for vectors of another
/// length, Error{usage} for one axis alone; what Transformer::run throws.
TrajectoryResult trajectory(const Transformer& transformer, const TrajectoryRequest& request,
                            const Progress& progress = {});

}  // namespace embscope
