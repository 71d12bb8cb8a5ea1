// Intervention: the effect of edits on the next token.
// Lifetime: results own what they hold. Thread rule: pure functions over a Transformer.
#pragma once

#include <vector>

#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct InterventionRequest {
  std::vector<TokenId> ids;       ///< the text's tokens (Tokenizer::with_bos)
  std::vector<Edit> edits;        ///< applied in this order
  int top = 8;                    ///< number of most likely tokens to list, before and after
  std::vector<TokenId> followed;  ///< further tokens to list
};

struct InterventionResult {
  /// One row per token, the most likely after the edits first: columns token, id, probability_before,
  /// probability_after, logit_before, logit_after, change (of the logit), rank_before, rank_after.
  Table changes;
  double divergence = 0;  ///< KL(after || before) of the next-token distributions, in nats
  Cost cost;
};

/// Both runs are one batch, so that what the edits cannot change is computed once. Throws what Transformer::run throws,
/// and Error{range} for `top` outside 1..1000 or a followed token outside the vocabulary.
InterventionResult intervene(const Transformer& transformer, const InterventionRequest& request,
                             const Progress& progress = {});

/// KL(p || q) in nats of the distributions of two rows of logits.
double divergence(std::span<const float> p_logits, std::span<const float> q_logits);

}  // namespace embscope
