// Gradients: how a logit responds to every vector of a run, from one forward and one backward pass.
// Lifetime: results own what they hold. Thread rule: pure functions over a Transformer; the same bits for any number of
// threads.
//
// The gradient at a site is that of a vector added there: the effect of an edit "add" at that site, to first order. At
// `ln1.scale` it is the gradient of the divisor alone, with the divided vectors fixed.
//
// Memory: the residual stream where groups of blocks begin, and of one group what the backward pass reads of it, about
// 4 x (2 width + 2 query width + 2 key width + 2 MLP width) bytes per position and block; a group is as many blocks as
// `held` has room for, and is run again when the backward pass comes to it. In addition the result, unless `seen` takes
// its place.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/forward/transformer.h"

namespace embscope {

struct GradientRequest {
  std::vector<TokenId> ids;        ///< the text's tokens (Tokenizer::with_bos)
  std::optional<TokenId> target;   ///< the token of the logit; default: the token predicted at the position
  std::optional<TokenId> against;  ///< if given, its logit is subtracted
  int position = -1;               ///< position of the logit; negative counts from the end
  std::vector<Site> sites;         ///< any sites of the model, in any order
  /// Bytes of the run's values that are held at once: with fewer, more of the run is made again.
  double held = 32e6;
  /// Gets each site's values and gradient as soon as they are known, those of the last block first; the result then
  /// holds none of them.
  std::function<void(const Site&, const Tensor& activation, const Tensor& gradient)> seen = {};
};

struct GradientResult {
  int position = 0;
  TokenId target = 0;
  std::optional<TokenId> against;
  double logit = 0;  ///< the target's logit in the run, minus the other token's
  /// In the order of the sites, shaped as RowResult::captured has them, for positions 0..position: later positions have
  /// no effect. For scores and pattern [H, T, T], the gradient is 0 for keys that a query does not attend to.
  std::vector<Tensor> activations, gradients;
};

/// Throws Error{range} for a position outside the text or tokens outside the vocabulary, Error{usage} for an empty text
/// or a token against itself, Error{cancelled}, and what Transformer::run throws.
GradientResult gradient(const Transformer& transformer, const GradientRequest& request, const Progress& progress = {});

}  // namespace embscope
