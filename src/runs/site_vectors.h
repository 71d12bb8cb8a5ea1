// The vectors of a text's positions at some sites, as matrices.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "embscope/forward/transformer.h"

namespace embscope {

/// The residual stream at every layer: where block 0 begins, then after each block.
std::vector<Site> layer_sites(const Config& config);

struct TextPositions {
  std::int64_t most = 0;     ///< the first ones, over all rows
  std::int64_t skipped = 0;  ///< at the beginning of each row
};

/// How many of these positions the rows have.
std::int64_t count_of(std::span<const std::vector<TokenId>> rows, const TextPositions& positions);

struct SiteVectors {
  std::vector<Tensor> sites;    ///< [positions, D] each
  std::vector<TokenId> tokens;  ///< of each position
};

/// The vectors of a text's positions at some sites. Throws Error{shape} for a site without a vector for each position.
SiteVectors site_vectors(const Transformer& transformer, std::span<const std::vector<TokenId>> rows,
                         const std::vector<Site>& sites, const TextPositions& positions, const Progress& progress = {});

}  // namespace embscope
