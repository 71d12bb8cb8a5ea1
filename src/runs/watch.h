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

/// Runs a request of one row and keeps its tokens [first, last) at `sites` (all but scores and pattern) while it runs,
/// so that memory grows with what is asked and not with the text. Throws what Transformer::run throws;
/// Error{cancelled}, asked before each block.
Watched watch(const Transformer& transformer, Request request, std::span<const Site> sites, std::int64_t first,
              std::int64_t last);

/// The same of a text; edits as in a Request.
Watched watch(const Transformer& transformer, std::span<const TokenId> ids, std::span<const Site> sites,
              std::int64_t first, std::int64_t last, const Progress& progress = {}, std::span<const Edit> edits = {});

}  // namespace embscope
