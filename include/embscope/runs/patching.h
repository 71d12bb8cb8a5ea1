// Patching: which activations carry an answer. Vectors of a clean run are put into a corrupt one, one at a time, and
// the restored part of the answer is measured (Meng et al. 2022; Wang et al. 2022; Heimersheim & Nanda 2024 for the
// measure). Lifetime: results own what they hold. Thread rule: pure functions over a Transformer.
#pragma once

#include <functional>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct PatchResult;

struct PatchRequest {
  std::vector<TokenId> clean, corrupt;  ///< texts with the same number of tokens
  TokenId target = 0, against = 0;      ///< the answer of the clean text, and that of the corrupt one
  /// Sites that are patched in every block at every position: one vector per position.
  std::vector<Point> points = {Point::resid_pre, Point::attn_out, Point::mlp_out};
  bool heads = true;  ///< also patch z of every head of every block, at all positions at once
  std::function<void(const PatchResult&)> seen = {};  ///< called after each batch with the patches made so far
};

struct PatchResult {
  double clean = 0, corrupt = 0;  ///< logit of target minus logit of against, at the last position
  /// A row for each patch: columns site, block, position, token (of the corrupt text), difference, restored.
  /// restored = (difference - corrupt) / (clean - corrupt): 0 if the patch does nothing, 1 if it restores the answer.
  Table grid;
  Table heads;  ///< columns block, head, difference, restored
  Cost cost;
};

/// blocks x positions x points runs and blocks x heads, in batches; each computes only what its patch can change, and
/// only the two logits. Throws Error{shape} if the texts differ in length, Error{usage} if all their tokens are equal
/// or a site has no vector for each position, Error{range} if clean and corrupt give the same difference; what
/// Transformer::run throws; Error{cancelled}.
PatchResult patch(const Transformer& transformer, const PatchRequest& request, const Progress& progress = {});

/// The same grid to first order, from one run of each text and one gradient of the corrupt one (attribution patching,
/// Nanda 2023; Syed et al. 2023): difference = corrupt + gradient . (clean vector - corrupt vector). It ignores the
/// non-linear part of softmax, norms and activations; `agreement` measures this. `cost` stays 0.
PatchResult patch_approximately(const Transformer& transformer, const PatchRequest& request,
                                const Progress& progress = {});

/// How the estimate agrees with the real grid. `patches`: columns site, block, head, position, restored, estimated;
/// heads have the site "a head's z" and a head instead of a position. `sites`: columns site, patches, correlation
/// (Pearson's), largest error (of restored).
struct PatchAgreement {
  Table patches, sites;
};
PatchAgreement agreement(const PatchResult& real, const PatchResult& estimate);

}  // namespace embscope
