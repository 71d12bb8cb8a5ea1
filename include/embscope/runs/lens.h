// Lens: the logit lens. What the model would predict if it stopped after a block, at every position of a text.
// Lifetime: results own what they hold. Thread rule: pure functions over a Transformer.
//
// The final norm is recomputed for every residual vector (its own mean and scale), as in nostalgebraist, "interpreting
// GPT: the logit lens" (2020). `attribution.h` has the other mode: the norm's scale is fixed at its value in the run.
#pragma once

#include <optional>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/forward/edit.h"
#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct LensRequest {
  std::vector<TokenId> ids;          ///< the text's tokens (Tokenizer::with_bos)
  std::vector<Edit> edits;           ///< applied in this order
  std::optional<TokenId> target;     ///< listed for all cells; default: the token predicted at the text's last position
  int top = 1;                       ///< number of tokens listed for each cell
  std::int64_t first = 0;            ///< the positions are [first, last)
  std::optional<std::int64_t> last;  ///< default: the end of the text
};

struct LensResult {
  TokenId target = 0;
  /// A row for each cell, block by block: columns block (-1: the embedding, the input of block 0), position, token (at
  /// the position), top (the most likely next token), probability, target_rank, target_probability, target_logit. The
  /// rows of the last block are the logits of the run, bit for bit.
  Table cells;
  Table tops;  ///< `top` rows for each cell: columns block, position, rank, token, id, probability
};

/// L + 1 rows of cells, computed a few positions at a time: memory does not grow with positions x blocks x vocabulary.
/// Throws Error{range} for positions outside the text, a target outside the vocabulary, or `top` outside 1..1000; what
/// Transformer::run throws (Error{usage} for an empty text); Error{cancelled}.
LensResult lens(const Transformer& transformer, const LensRequest& request, const Progress& progress = {});

}  // namespace embscope
