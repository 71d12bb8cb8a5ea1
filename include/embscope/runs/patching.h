// Patching: which activations carry an answer. Vectors of a clean run are put into a corrupt one, one at a time, and
// the answer that comes back is measured (Meng et al. 2022; Wang et al. 2022; Heimersheim & Nanda 2024 for the
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
  std::vector<TokenId> clean, corrupt;  ///< as many tokens in one as in the other
  TokenId target = 0, against = 0;      ///< the answer of the clean text, and that of the corrupt one
  /// Sites that are patched in every block at every position: one vector a position.
  std::vector<Point> points = {Point::resid_pre, Point::attn_out, Point::mlp_out};
  bool heads = true;                                  ///< and z of every head of every block, at all positions at once
  std::function<void(const PatchResult&)> seen = {};  ///< called after each batch with the patches made so far
};

struct PatchResult {
  double clean = 0, corrupt = 0;  ///< logit of target minus logit of against, at the last position
  /// A row for each patch: columns site, block, position, token (of the corrupt text), difference, restored.
  /// restored = (difference - corrupt) / (clean - corrupt): 0 when the patch does nothing, 1 when it restores the
  /// answer.
  Table grid;
  Table heads;  ///< columns block, head, difference, restored
  Cost cost;
};

/// blocks x positions x points runs and blocks x heads, in batches; each computes only what its patch can change, and
/// only the two logits. Throws Error{shape} when the texts differ in length, Error{usage} when they agree in every
/// token or a site holds no vector of a position, Error{range} when clean and corrupt give the same difference; what
/// Transformer::run throws; Error{cancelled}.
PatchResult patch(const Transformer& transformer, const PatchRequest& request, const Progress& progress = {});

/// The same grid to first order, from one run of each text and one gradient of the corrupt one (attribution patching,
/// Nanda 2023; Syed et al. 2023): difference = corrupt + gradient . (clean vector - corrupt vector). What it misses is
/// what bends: softmax, norms and activations far from where they were; `agreement` shows how much. `cost` stays 0.
PatchResult patch_approximately(const Transformer& transformer, const PatchRequest& request,
                                const Progress& progress = {});

/// How the estimate agrees with the real grid. `patches`: columns site, block, head, position, restored, estimated;
/// heads as site "a head's z", with a head in place of a position. `sites`: columns site, patches, correlation
/// (Pearson's), largest error (of restored).
struct PatchAgreement {
  Table patches, sites;
};
PatchAgreement agreement(const PatchResult& real, const PatchResult& estimate);

}  // namespace embscope
