// Attention patterns: where each head of a block looks, for every token of a text.
// Lifetime: results own what they hold. Thread rule: pure functions over a Transformer.
#pragma once

#include <optional>
#include <vector>

#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct AttentionRequest {
  std::vector<TokenId> ids;  ///< the text's tokens (Tokenizer::with_bos)
  /// The block to look at. When absent: the one whose heads look least at the text's first token, where a head looks
  /// that has found nothing (Xiao et al., "Efficient streaming language models with attention sinks", 2023).
  std::optional<int> block;
  std::vector<int> heads;  ///< empty: all
};

struct AttentionResult {
  int block = 0;
  std::vector<int> heads;
  Tensor patterns;  ///< [heads, T, T], queries down, keys across: each row sums to 1, 0 for keys after the query
  /// A row for each head: columns block, head, entropy (bits: 3 bits is as spread as 8 keys alike), first, previous,
  /// itself (the shares of the attention that go to the first token, the one before, the query's own). Each is a mean
  /// over the queries 1..T-1, for query 0 has no choice; not-a-number for a text of one token. In double.
  Table summary;
  Table every;  ///< the same for all blocks that were watched: all of the model's, or the requested one
};

/// One pass; keeps one block's patterns at a time. Throws Error{range} for a block or head the model has not, and what
/// Transformer::run throws (Error{usage} for an empty text, Error{range} for one longer than the context).
AttentionResult attention_patterns(const Transformer& transformer, const AttentionRequest& request,
                                   const Progress& progress = {});

}  // namespace embscope
