// Watch: the values at some sites and positions of one text.
#pragma once

#include <span>
#include <vector>

#include "embscope/forward/transformer.h"
#include "forward/by_site.h"

namespace embscope {

struct Watched {
  BySite values;  ///< [last - first, values per position] for each site
  Tensor logits;  ///< of the text's last position, [V]
};

/// Runs the text and keeps positions [first, last) of `sites` (all but scores and pattern) while it runs, so that
/// memory grows with what is asked and not with the text. Throws what Transformer::run throws;
/// Error{cancelled}, asked before each block.
Watched watch(const Transformer& transformer, std::span<const TokenId> ids, std::span<const Site> sites,
              std::int64_t first, std::int64_t last, const Progress& progress = {}, std::span<const Edit> edits = {});

}  // namespace embscope
