// Layers: what is measured of a vocabulary (vocabulary/geometry.h, vocabulary/compare.h), layer by layer for the
// vectors of a text. Thread rule: pure functions over a Transformer. The same numbers for any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct LayerOptions {
  std::int64_t positions = 2048;  ///< at most so many vectors a layer, from the text's beginning
  bool skip_first = false;        ///< leave out the first position of every row: its vector is often of another size
};

/// The measures for contextual vectors, layer by layer, over all positions of `rows`: columns layer, site, vectors,
/// mean_cosine (over all pairs: Ethayarajh 2019), positive_share, centred_cosine, self_similarity (mean cosine of one
/// token's occurrences, over tokens that occur twice: the same), mean_norm, mean_share (of the squared lengths, what
/// the mean vector makes), effective_rank, isoscore, top_dimension and its cosine_share. Layer 0 is what enters block
/// 0; the last row is after the final norm. Throws Error{usage} for an empty text, what Transformer::run throws,
/// Error{cancelled}.
Table layer_geometry(const Transformer& transformer, std::span<const std::vector<TokenId>> rows,
                     const LayerOptions& options = {}, const Progress& progress = {});

/// Linear CKA of every layer of one run with every layer of another over the same positions: columns a, b (layers: 0 is
/// what enters block 0), cka. Throws Error{usage} when the rows differ in length.
Table layer_similarity(const Transformer& a, std::span<const std::vector<TokenId>> rows_a, const Transformer& b,
                       std::span<const std::vector<TokenId>> rows_b, std::int64_t positions = 512,
                       const Progress& progress = {});

}  // namespace embscope
