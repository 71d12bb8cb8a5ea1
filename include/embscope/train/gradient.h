// Gradients: how a logit answers to every vector on its way, from one run forward and one backward.
// Lifetime: results own what they hold. Thread rule: pure functions over a Transformer; the same bits for any number of
// threads.
//
// The gradient at a site is that of adding something there: what an edit "add" at that site changes, to first order. At
// `ln1.scale` it is that of the divisor alone, with the vectors it divides held fast.
//
// Memory: what the backward pass needs of every block from the lowest site asked for upward, about
// 4 x (2 width + 2 query width + 2 key width + 2 MLP width) bytes a position and block, beside what was asked for.
#pragma once

#include <optional>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/forward/transformer.h"

namespace embscope {

struct GradientRequest {
  std::vector<TokenId> ids;        ///< the text's tokens (Tokenizer::with_bos)
  std::optional<TokenId> target;   ///< whose logit is differentiated; else the token predicted at the position
  std::optional<TokenId> against;  ///< less that of this one
  int position = -1;               ///< of the logit; negative counts from the end
  std::vector<Site> sites;         ///< any of the model's, in any order
};

struct GradientResult {
  int position = 0;
  TokenId target = 0;
  std::optional<TokenId> against;
  double logit = 0;  ///< of the run: the target's, less the other token's
  /// In the order of the sites, shaped as RowResult::captured has them, for positions 0..position: what comes after
  /// cannot matter. Of scores and pattern [H, T, T], what a query may not see has gradient 0.
  std::vector<Tensor> activations, gradients;
};

/// Throws Error{range} for a position the text has not or tokens outside the vocabulary, Error{usage} for an empty text
/// or a token against itself, Error{cancelled}, and what Transformer::run throws.
GradientResult gradient(const Transformer& transformer, const GradientRequest& request, const Progress& progress = {});

}  // namespace embscope
