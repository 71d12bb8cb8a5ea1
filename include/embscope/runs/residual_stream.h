// Residual stream: the vectors of a text at every position after every block, their lengths, how far each block moves
// them, and how far edits change them. Lifetime: results own what they hold. Thread rule: pure functions over a
// Transformer.
#pragma once

#include <vector>

#include "embscope/base/progress.h"
#include "embscope/forward/edit.h"
#include "embscope/forward/transformer.h"
#include "embscope/tensor/tensor.h"

namespace embscope {

struct ResidualStreamRequest {
  std::vector<TokenId> ids;          ///< the text's tokens (Tokenizer::with_bos)
  std::vector<Edit> edits;           ///< applied in this order
  std::int64_t first = 0, last = 0;  ///< the positions are [first, last)
};

struct ResidualStream {
  Tensor wte;                 ///< [positions, D], after the edits of that site
  std::vector<Tensor> after;  ///< L + 1 of [positions, D]: before block 0, then after each block
  Tensor logits;              ///< of the text's last position, [V]
};

/// The stream of a text without edits, and the keys and values behind it. The run of a text that begins in the same way
/// takes these positions from it, bit for bit.
struct KnownStream {
  std::vector<TokenId> ids;
  std::int64_t first = 0, last = 0;  ///< the positions that `stream` has
  ResidualStream stream;
  Cache cache;  ///< of all positions; empty: nothing can be taken
};

/// One forward pass; of the positions after what `known` (may be null) has in common with the text, and after those
/// before the first edit. Throws Error{range} for positions outside the text, and what Transformer::run throws.
ResidualStream residual_stream(const Transformer& transformer, const ResidualStreamRequest& request,
                               const Progress& progress = {}, const KnownStream* known = nullptr);

/// The same without the request's edits, to be kept for other texts.
KnownStream known_stream(const Transformer& transformer, const ResidualStreamRequest& request,
                         const Progress& progress = {}, const KnownStream* known = nullptr);

/// How many positions the run of the request can take from `known`.
std::int64_t shared_positions(const ResidualStreamRequest& request, const KnownStream& known);

/// Euclidean lengths, [L + 1, positions].
Tensor lengths(const ResidualStream& stream);

/// |x - input of the block| / |input of the block|, [L + 1, positions]; 0 in the first row, before any block.
Tensor moved(const ResidualStream& stream);

/// |x - x without the edits| / |x without the edits|, [L + 1, positions]: 0 where the edits change nothing.
Tensor felt(const ResidualStream& with, const ResidualStream& without);

}  // namespace embscope
