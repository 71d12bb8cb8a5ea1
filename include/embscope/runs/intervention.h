// Intervention: what edits do to the next token.
// Lifetime: results own what they hold. Thread rule: pure functions over a Transformer.
#pragma once

#include <vector>

#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct InterventionRequest {
  std::vector<TokenId> ids;       ///< the text's tokens (Tokenizer::with_bos)
  std::vector<Edit> edits;        ///< applied in this order
  int top = 8;                    ///< tokens listed: the likeliest so many before and so many after
  std::vector<TokenId> followed;  ///< listed besides
};

struct InterventionResult {
  /// A row a token, the likeliest after the edits first: columns token, id, probability_before, probability_after,
  /// logit_before, logit_after, change (of the logit), rank_before, rank_after.
  Table changes;
  double divergence = 0;  ///< KL(after || before) of the next-token distributions, in nats
  Cost cost;
};

/// Both runs go as one batch, so that what the edits cannot change is computed once. Throws what Transformer::run
/// throws, and Error{range} for `top` outside 1..1000 or a followed token outside the vocabulary.
InterventionResult intervene(const Transformer& transformer, const InterventionRequest& request,
                             const Progress& progress = {});

/// KL(p || q) in nats of the distributions that two rows of logits give.
double divergence(std::span<const float> p_logits, std::span<const float> q_logits);

}  // namespace embscope
