// Verify: compares a model's activations with those that other software computed for the same tokens.
// Thread rule: a pure function.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "embscope/files/archive.h"
#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct VerifyResult {
  /// Columns site, shape, difference (the largest), size (the largest |value| of the reference), ratio of the two, at
  /// (the index of the value, row by row), in the order of the pass.
  Table sites;
  std::vector<std::string> passed_over;  ///< arrays whose names are not sites of this model
  double worst = 0;                      ///< the largest ratio
};

/// Arrays of `reference` whose names parse_site understands (also those of transformers and TransformerLens) are
/// compared with a run of `ids`, or of its own array "ids" when they are empty. A leading axis of length 1 is ignored;
/// for scores and pattern, keys after a query are ignored. Throws Error{shape} for an array of another shape,
/// Error{usage} if there is nothing to compare.
VerifyResult verify(const Transformer& transformer, const Archive& reference, std::span<const TokenId> ids = {});

}  // namespace embscope
