// Attention patterns: which tokens each head of a block attends to, for every token of a text.
// Lifetime: results own what they hold. Thread rule: pure functions over a Transformer.
#pragma once

#include <optional>
#include <vector>

#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct AttentionRequest {
  std::vector<TokenId> ids;  ///< the text's tokens (Tokenizer::with_bos)
  /// The block. By default the one whose heads attend least to the text's first token, to which heads attend that have
  /// found nothing (Xiao et al., "Efficient streaming language models with attention sinks", 2023).
  std::optional<int> block;
  std::vector<int> heads;  ///< empty: all
};

struct AttentionResult {
  int block = 0;
  std::vector<int> heads;
  Tensor patterns;  ///< [heads, T, T], queries as rows, keys as columns: each row sums to 1, 0 for keys after the query
  /// A row for each head: columns block, head, entropy (3 bits are as spread as 8 keys with equal weights), first,
  /// previous, itself (the shares of attention to the first token, to the previous one, and to the query's own). Each
  /// is a mean over the queries 1..T-1, because query 0 has only one key; not-a-number for a text of one token. In
  /// double.
  Table summary;
  Table every;  ///< the same for all captured blocks: all of the model, or the requested one
};

/// One pass; keeps the patterns of one block at a time. Throws Error{range} for a block or head that the model does not
/// have, and what Transformer::run throws (Error{usage} for an empty text, Error{range} for one longer than the
/// context).
AttentionResult attention_patterns(const Transformer& transformer, const AttentionRequest& request,
                                   const Progress& progress = {});

}  // namespace embscope
