// Watch: the values at some sites and positions of one text.
#pragma once

#include <span>
#include <vector>

#include "embscope/forward/transformer.h"

namespace embscope {

struct Watched {
  std::vector<Tensor> values;  ///< in the order of the sites: [last - first, values per position]
  Tensor logits;               ///< of the text's last position, [V]
};

/// Runs the text and keeps positions [first, last) of `sites` (all but scores and pattern) while it runs, so that
/// memory grows with what is asked and not with the text. Throws what Transformer::run throws;
/// Error{cancelled}, asked before each block.
Watched watch(const Transformer& transformer, std::span<const TokenId> ids, std::span<const Site> sites,
              std::int64_t first, std::int64_t last, const Progress& progress = {}, std::span<const Edit> edits = {});

}  // namespace embscope
