// Attribution: what each part of the model adds to the logit of a token (direct logit attribution).
// Lifetime: results own what they hold. Thread rule: pure functions over a Transformer.
//
// The residual vector at a position is a sum: embedding, every head of every block, every MLP (Elhage et al., "A
// mathematical framework for transformer circuits", 2021). The final norm is linear once its scale is held fast, so the
// logit is the sum of what each part adds to it. The scale is frozen at the run's own, and the centring of LayerNorm is
// applied to every part. `lens.h` has the other mode: the norm recomputed after every block.
#pragma once

#include <optional>
#include <vector>

#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"
#include "embscope/train/gradient.h"

namespace embscope {

struct AttributionRequest {
  std::vector<TokenId> ids;        ///< the text's tokens (Tokenizer::with_bos)
  std::optional<TokenId> target;   ///< else the token predicted at the position
  std::optional<TokenId> against;  ///< then everything is the target's minus this token's
  int position = -1;               ///< negative counts from the end
  bool sorted = false;             ///< largest absolute value first, rather than in the order of the pass
};

struct AttributionResult {
  int position = 0;
  TokenId target = 0;
  std::optional<TokenId> against;
  double logit = 0;  ///< of the run: the target's, less the other token's
  double sum = 0;    ///< of all parts: the logit up to fp32 rounding in the run
  double scale = 0;  ///< of the final norm at the position: what every part is divided by
  /// A row for each part: columns part, block, head, value (in units of logits). Parts are wte and wpe (the embedding),
  /// head (z_h W_O), attn_bias (of W_O), mlp (with its bias) and ln_final_bias; only those the model has. Block and
  /// head are not-a-number where they make no sense. Every value is a sum in double.
  Table parts;
};

/// Throws Error{range} for a position the text has not or tokens outside the vocabulary, Error{usage} for an empty text
/// or a token against itself, and what Transformer::run throws.
AttributionResult attribute(const Transformer& transformer, const AttributionRequest& request,
                            const Progress& progress = {});

/// Gradient x activation: what the logit would lose, to first order, if a vector were not there (Simonyan et al. 2014;
/// Nanda, "Attribution patching", 2023). Unlike direct attribution it sees what later blocks make of the vector.
struct GradientAttribution {
  GradientResult gradient;  ///< of the sites asked for: the vectors themselves
  /// A row for each site, position and, where the site has them, head: columns site, block, head, position, token,
  /// value (gradient . activation, in units of logits) and gradient (its norm). Of scores and pattern, position is the
  /// query's. Every value is a sum in double.
  Table parts;
};

/// Throws what `gradient` throws.
GradientAttribution attribute_by_gradient(const Transformer& transformer, const GradientRequest& request,
                                          const Progress& progress = {});

}  // namespace embscope
