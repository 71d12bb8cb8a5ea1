// Unigram language model (Kudo 2018): of all ways to cut a word into tokens, the one with the highest sum of scores.
// Thread rule: immutable once built.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "text/prefix_filter.h"
#include "text/scored_merges.h"

namespace embscope {

class Unigram {
 public:
  /// `unknown`: the token of characters without one, which no text becomes by its own name; or none.
  Unigram(const Vocabulary& vocabulary, std::span<const double> scores, TokenId unknown, const TokenizerSpec& spec);
  /// The word's tokens; neighbouring characters without a token are one symbol without an id.
  std::vector<ScoredSymbol> best(std::string_view word) const;

 private:
  /// What ends at a place of a word: the best sum of scores up to there, and the last token of it.
  struct Best {
    double score = 0;
    std::size_t from = std::string_view::npos;  // npos: nothing ends here
    TokenId id = Vocabulary::none;
  };
  void begin_anew(std::span<Best> ends) const;
  double rounded(double score) const {
    return single_precision_ ? static_cast<double>(static_cast<float>(score)) : score;
  }

  const Vocabulary& vocabulary_;
  std::span<const double> scores_;
  TokenId unknown_;
  double unknown_score_ = 0;
  bool single_precision_;
  std::size_t longest_ = 0;  // of all tokens, in bytes
  PrefixFilter prefixes_;
};

}  // namespace embscope
