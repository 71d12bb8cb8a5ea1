// Layers: the measures of a vocabulary (vocabulary/geometry.h, vocabulary/compare.h), layer by layer for the vectors of
// a text. Thread rule: pure functions over a Transformer. The same numbers for any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct LayerOptions {
  std::int64_t positions = 2048;  ///< largest number of vectors per layer, from the beginning of the text
  bool skip_first =
      false;  ///< leave out the first position of every row, whose vector often has a very different length
};

/// The measures for contextual vectors, layer by layer, over all positions of `rows`: columns layer, site, vectors,
/// mean_cosine (over all pairs: Ethayarajh 2019), positive_share, centred_cosine, self_similarity (mean cosine between
/// occurrences of the same token, over tokens that occur more than once: the same source), mean_norm, mean_share (the
/// mean vector's share of the squared lengths), effective_rank, isoscore, top_dimension and its cosine_share. Layer 0
/// is the input of block 0; the last row is after the final norm. Throws Error{usage} for an empty text, what
/// Transformer::run throws, Error{cancelled}.
Table layer_geometry(const Transformer& transformer, std::span<const std::vector<TokenId>> rows,
                     const LayerOptions& options = {}, const Progress& progress = {});

/// Linear CKA of every layer of one run with every layer of another over the same positions: columns a, b (layers: 0 is
/// the input of block 0), cka. Throws Error{usage} if the rows differ in length.
Table layer_similarity(const Transformer& a, std::span<const std::vector<TokenId>> rows_a, const Transformer& b,
                       std::span<const std::vector<TokenId>> rows_b, std::int64_t positions = 512,
                       const Progress& progress = {});

}  // namespace embscope
