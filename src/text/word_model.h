// WordModel: one word to its tokens, whichever way the tokenizer has.
// Thread rule: immutable once built; what a call works with is its caller's.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe.h"
#include "text/unigram.h"
#include "text/vocabulary.h"
#include "text/word_cache.h"

namespace embscope {

/// The position of a word in the source: from byte `begin` of a text whose boundaries are at `at` there (null: it is
/// the source).
struct WordPlace {
  const std::vector<std::uint64_t>* at;
  std::uint64_t begin;
  std::uint64_t of(std::size_t byte) const { return at == nullptr ? begin + byte : (*at)[begin + byte]; }
};

class WordModel {
 public:
  using Piece = WordCache::Piece;
  struct Work {
    std::vector<TokenId> symbols;
    std::vector<Piece> pieces;
    std::vector<std::uint32_t> unknown;  // lengths of parts without a token
  };
  /// Throws Error{format} for merges that name unknown tokens and for scores that are not numbers.
  WordModel(const TokenizerSpec& spec, const Vocabulary& vocabulary);

  /// The tokens of a word, valid until the next call with the same `work`. Throws Error{unsupported} for a byte without
  /// token.
  std::span<const Piece> split(std::string_view word, const WordPlace& place, Work& work) const;
  /// Whether the tokens of two joined texts are the tokens of each, if no token crosses the boundary.
  bool is_local() const;

 private:
  void split_bytes(std::string_view word, const WordPlace& place, Work& work) const;
  void split_characters(std::string_view word, const WordPlace& place, Work& work) const;
  void write_symbols(std::span<const ScoredSymbol> symbols, std::string_view word, const WordPlace& place,
                     Work& work) const;
  void split_longest(std::string_view word, const WordPlace& place, Work& work) const;
  bool has_bytes(std::string_view text) const;
  void write_unknown(std::string_view text, std::uint64_t begin, Work& work) const;
  [[noreturn]] void refuse_byte(std::string_view text, std::uint64_t begin) const;

  const Vocabulary& vocabulary_;
  MergeTable merges_;
  std::vector<double> scores_;
  std::unique_ptr<const Unigram> unigram_;
  TokenizerSpec::Algorithm algorithm_;
  bool byte_level_, byte_fallback_, fuse_unk_, ignore_merges_;
  TokenId unk_;
  std::string continuing_;
  std::size_t longest_word_;
};

}  // namespace embscope
