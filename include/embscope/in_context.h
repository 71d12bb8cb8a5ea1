// In context: what tokens have become on their way through the model, each behind the same text.
// Thread rule: a pure function over a Transformer.
#pragma once

#include <span>

#include "embscope/transformer.h"

namespace embscope {

/// The vector that each of `tokens` has at the site when it stands behind `before`: [N, values per position]. Only
/// blocks up to the site run, and `before` is run once for many tokens. With nothing before it a token is the first of
/// its text, where most models keep a vector of another size (Xiao et al., "Efficient streaming language models with
/// attention sinks", 2023). Throws Error{usage} for no tokens or a site without a vector for each position, what
/// Transformer::run throws, Error{cancelled}.
Tensor in_context(const Transformer& transformer, const Site& site, std::span<const TokenId> before,
                  std::span<const TokenId> tokens, const Progress& progress = {});

}  // namespace embscope
