// Byte-pair encoding by scores (SentencePiece's): of all neighbouring pairs that form a token, the one whose token has
// the highest score is merged, the leftmost first.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace embscope {

/// A piece of a word: `id` is none where it is a character without a token.
struct ScoredSymbol {
  TokenId id;
  std::uint32_t length;  // in bytes
};

/// The word's tokens, made from its characters, or from its bytes. Time is O(n log n) for n of them.
std::vector<ScoredSymbol> merge_by_score(const Vocabulary& vocabulary, std::span<const double> scores,
                                         std::string_view word, bool from_bytes);

}  // namespace embscope
