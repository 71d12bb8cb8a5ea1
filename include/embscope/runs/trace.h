// Trace: a vector's path, from its token's embedding to the prediction of the next token.
// Thread rule: pure functions over a Transformer.
#pragma once

#include <string>
#include <vector>

#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct TraceRequest {
  std::vector<TokenId> ids;  ///< the text's tokens (make_prompt)
  int position = -1;         ///< negative counts from the end
  int top = 5;               ///< number of tokens listed after each block
};

struct TraceResult {
  int position = 0;
  TokenId own = 0, predicted = 0;
  /// One row per block: columns block; for each change c of ln1, attn_out, ln2, mlp_out: length_c and cosine_c (with
  /// the residual before the change); length (of resid_post), cosine_own, cosine_predicted (with the rows of wte, or of
  /// the unembedding for the predicted token if it is untied), rank_own, rank_predicted, and top (readable tokens of
  /// the logit lens). Block -1 is the embedding itself.
  Table life;
  /// Columns block, rank, token, probability: the logit lens after each block.
  Table lens;
};

/// Memory does not grow with the text: one position is kept. Throws Error{range} for a position outside the text, what
/// Transformer::run throws, Error{cancelled}.
TraceResult trace(const Transformer& transformer, const TraceRequest& request, const Progress& progress = {});

}  // namespace embscope
