// Encoder: one call of Tokenizer::encode. Cuts text into words, and words into tokens.
#pragma once

#include <string_view>
#include <vector>

#include "text/bpe.h"
#include "text/token_writer.h"
#include "text/vocabulary.h"
#include "text/word_cache.h"

namespace embscope {

class Encoder {
 public:
  struct Rules {
    PreTokenizer pre = PreTokenizer::gpt2;
    bool ignore_merges = false;
  };
  Encoder(const Vocabulary& vocabulary, const MergeTable& merges, Rules rules, WordCache& cache, TokenWriter& out)
      : vocabulary_(vocabulary), merges_(merges), rules_(rules), cache_(cache), out_(out) {}

  /// Plain text, of which the first byte is byte `offset` of the text that the ranges count in.
  void encode(std::string_view text, std::uint64_t offset);

 private:
  template <PreTokenizer pre>
  void encode_words(std::string_view text, std::uint64_t offset);
  void encode_word(std::string_view text, const WordCache::Wanted& word, std::uint64_t offset);
  void split(std::string_view word, std::uint64_t begin);

  const Vocabulary& vocabulary_;
  const MergeTable& merges_;
  Rules rules_;
  WordCache& cache_;
  TokenWriter& out_;
  std::vector<TokenId> symbols_;          // of the word that is being merged
  std::vector<WordCache::Piece> pieces_;  // what it was split into
};

}  // namespace embscope
