// In context: the vectors of tokens and words inside the model, as a Tensor or as a Space.
// Thread rule: pure functions over a Transformer.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/forward/transformer.h"
#include "embscope/space/space.h"

namespace embscope {

/// The vector of each of `tokens` at the site when it follows `before`: [N, values per position]. Only the blocks up to
/// the site run, and `before` is run once for many tokens. If `before` is empty, a token is the first of its text,
/// where most models have a vector of very different length (Xiao et al., "Efficient streaming language models with
/// attention sinks", 2023). Throws Error{usage} for no tokens or a site without a vector for each position, what
/// Transformer::run throws, Error{cancelled}.
Tensor in_context(const Transformer& transformer, const Site& site, std::span<const TokenId> before,
                  std::span<const TokenId> tokens, const Progress& progress = {});

/// Words as vectors in context: each word replaces {} in `text`, and the vector (of width D) is that at `site` at the
/// word's last token. Words of several tokens have vectors too. Throws Error{usage} for a text without {}.
Space words_in_context(const Transformer& transformer, std::span<const std::string> words, std::string_view text,
                       Site site, const Progress& progress = {});

/// One site's vectors [D] of a text's tokens as a Space: labels "position token". `rows` as in layer_geometry; at most
/// `positions` vectors. Throws Error{shape} for a site without a vector for each position.
Space text_space(const Transformer& transformer, std::span<const std::vector<TokenId>> rows, Site site,
                 std::int64_t positions = 2048);

}  // namespace embscope
