// Attribution: what each part of the model adds to the logit of a token (direct logit attribution).
// Lifetime: results own what they hold. Thread rule: pure functions over a Transformer.
//
// The residual vector at a position is a sum: embedding, every head of every block, every MLP (Elhage et al., "A
// mathematical framework for transformer circuits", 2021). The final norm is linear if its scale is fixed, so the logit
// is the sum of what each part adds to it. The scale is fixed at its value in the run, and the centring of LayerNorm is
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
  std::optional<TokenId> target;   ///< default: the token predicted at the position
  std::optional<TokenId> against;  ///< if given, all values are the target's minus this token's
  int position = -1;               ///< negative counts from the end
  bool sorted = false;             ///< largest absolute value first, instead of in the order of the pass
};

struct AttributionResult {
  int position = 0;
  TokenId target = 0;
  std::optional<TokenId> against;
  double logit = 0;  ///< the target's logit in the run, minus the other token's
  double sum = 0;    ///< the sum of all parts: the logit up to fp32 rounding in the run
  double scale = 0;  ///< scale of the final norm at the position, by which every part is divided
  /// A row for each part: columns part, block, head, value (in units of logits). Parts are wte and wpe (the embedding),
  /// head (z_h W_O), attn_bias (of W_O), mlp (with its bias) and ln_final_bias; only those that the model has. Block
  /// and head are not-a-number for parts without them. Every value is a sum in double.
  Table parts;
};

/// Throws Error{range} for a position outside the text or tokens outside the vocabulary, Error{usage} for an empty text
/// or a token against itself, and what Transformer::run throws.
AttributionResult attribute(const Transformer& transformer, const AttributionRequest& request,
                            const Progress& progress = {});

/// Gradient x activation: what the logit would lose, to first order, without a vector (Simonyan et al. 2014;
/// Nanda, "Attribution patching", 2023). Unlike direct attribution it includes the effect of the vector through later
/// blocks.
struct GradientAttribution {
  GradientResult gradient;  ///< with the vectors and gradients at the requested sites, if they are kept
  /// A row for each site, position and, for sites with heads, head: columns site, block, head, position, token, value
  /// (gradient . activation, in units of logits) and gradient (its norm). For scores and pattern, position is that of
  /// the query. Every value is a sum in double.
  Table parts;
};

/// Without `keep`, no vectors and no gradients are in the result. Throws what `gradient` throws.
GradientAttribution attribute_by_gradient(const Transformer& transformer, GradientRequest request,
                                          const Progress& progress = {}, bool keep = true);

}  // namespace embscope
