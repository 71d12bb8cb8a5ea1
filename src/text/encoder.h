// Encoder: one call of Tokenizer::encode. Splits text into words, and words into tokens.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "text/cutter.h"
#include "text/safe_cuts.h"
#include "text/token_writer.h"
#include "text/vocabulary.h"
#include "text/word_cache.h"
#include "text/word_model.h"

namespace embscope {

class Encoder {
 public:
  Encoder(const WordModel& model, PreTokenizer pre, const SafeCuts& safe, WordCache& cache, TokenWriter& out)
      : model_(model), pre_(pre), safe_(safe), cache_(cache), out_(out) {}

  /// Plain text; its first byte is byte `offset` of the text that the ranges refer to.
  void encode(std::string_view text, std::uint64_t offset);
  /// The words of a changed text that is already split.
  void encode(const AlignedText& text, std::span<const Part> words);
  /// A changed text.
  void encode(const AlignedText& text);

 private:
  template <class NextWords>
  void encode_words(std::string_view text, std::uint64_t offset, NextWords next_words);
  void encode_word(std::string_view text, const WordCache::Wanted& word, std::uint64_t offset);
  template <class Encode>
  void in_source(const AlignedText& text, Encode encode);

  const WordModel& model_;
  PreTokenizer pre_;
  const SafeCuts& safe_;
  WordCache& cache_;
  TokenWriter& out_;
  WordModel::Work work_;
  const std::vector<std::uint64_t>* at_ = nullptr;  // of the changed text that is being encoded
};

}  // namespace embscope
