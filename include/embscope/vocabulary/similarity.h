// Similarity of embedding vectors: cosines, nearest words, the shape of the whole matrix.
// Thread rule: pure functions. Printed numbers are summed in double.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/model/model.h"
#include "embscope/space/space.h"
#include "embscope/tensor/table.h"

namespace embscope {

/// a.b / (|a||b|), summed in double; 0/0 throws Error{range} ("a zero vector has no direction").
double cosine(std::span<const float> a, std::span<const float> b);

/// Columns: dimension, one column of values for each word, named by its token (token_named).
Table vectors(const Model& model, std::span<const std::string> words);

/// Columns: word, then one column of cosines for each word, all named by their tokens.
Table cosines(const Model& model, std::span<const std::string> words);

/// The same for rows of any space, named by their labels.
Table vectors(const Space& space, std::span<const std::int64_t> rows);
Table cosines(const Space& space, std::span<const std::int64_t> rows);

/// The k tokens nearest to a word: columns rank, token, id, cosine. The word's own token is left out.
Table similar(const Model& model, std::string_view word, int k);

/// The same for any vector [D]; the tokens `without` are left out. Throws Error{shape} if it has another length,
/// Error{range} if it is zero.
Table similar(const Model& model, std::span<const float> vector, int k, std::span<const TokenId> without = {});

/// The cosine of a vector [D] with every token's vector, [V]; 0 for rows without a direction. Throws as `similar` does.
std::vector<double> cosines_with_all(const Model& model, std::span<const float> vector);

/// Per-dimension mean and deviation over all tokens, and which dimensions have an offset that all tokens share (the
/// heatmap's stripes): |mean| / deviation, largest first. Columns: dimension, mean, deviation, ratio.
Table dimensions(const Model& model);

/// Cosine over all pairs of tokens i < j, one triangle, tile by tile: columns from, to, pairs (histogram over -1..1),
/// and its summary. Exact; the matrix of pairs is never stored.
struct PairCosines {
  double mean = 0, positive_share = 0, pairs = 0;
  Table histogram;
};
PairCosines pair_cosines(const Model& model, int bins = 200, const Progress& progress = {});

/// The article's toy space: animals by size and friendliness; its context moves the cat from [.4, .85] to [.4, .6].
/// Columns: animal, size, friendliness, moved (whether this row is the moved cat).
Table toy_space();

}  // namespace embscope
