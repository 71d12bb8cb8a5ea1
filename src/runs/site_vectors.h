// The vectors of a text's positions at some sites, as matrices.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "embscope/forward/transformer.h"

namespace embscope {

/// The residual stream at every layer: where block 0 begins, then after each block.
std::vector<Site> layer_sites(const Config& config);

/// How many positions the rows have, at most `most`.
std::int64_t positions_of(std::span<const std::vector<TokenId>> rows, std::int64_t most);

/// The vectors of a text's first positions at some sites, [positions, D] for each site. Throws Error{shape} for a site
/// without a vector for each position.
std::vector<Tensor> site_vectors(const Transformer& transformer, std::span<const std::vector<TokenId>> rows,
                                 const std::vector<Site>& sites, std::int64_t positions);

}  // namespace embscope
