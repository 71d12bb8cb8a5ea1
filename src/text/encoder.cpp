#include "text/encoder.h"

#include <array>

#include <fmt/format.h>

#include "embscope/error.h"
#include "text/pre_tokenizer.h"

namespace embscope {

void Encoder::encode(std::string_view text, std::uint64_t offset) {
  with_pattern(rules_.pre, [&]<PreTokenizer pre>() { encode_words<pre>(text, offset); });
}

template <PreTokenizer pre>
void Encoder::encode_words(std::string_view text, std::uint64_t offset) {
  std::array<WordCache::Wanted, 64> batch;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t count = 0;
    while (count < batch.size() && begin < text.size()) {
      const std::size_t end = word_end<pre>(text, begin);
      batch[count++] = cache_.ask(text, begin, end - begin);
      begin = end;
    }
    for (std::size_t i = 0; i < count; ++i) encode_word(text, batch[i], offset);
  }
}

inline void Encoder::encode_word(std::string_view text, const WordCache::Wanted& word, std::uint64_t offset) {
  const std::uint64_t begin = offset + word.begin;
  const WordCache::Entry* known = cache_.find(word, text);
  if (known == nullptr) {
    split(text.substr(word.begin, word.length), begin);
    cache_.insert(word, text.substr(word.begin, word.length), pieces_);
    out_.write(pieces_, begin);
  } else if (known->count == 1) {
    out_.write(static_cast<TokenId>(known->first), begin, begin + word.length);
  } else {
    out_.write({cache_.pieces(*known), known->count}, begin);
  }
}

// `begin`: for the error message.
void Encoder::split(std::string_view word, std::uint64_t begin) {
  pieces_.clear();
  if (rules_.ignore_merges) {
    const TokenId whole = vocabulary_.find(word);
    if (whole != Vocabulary::none) return pieces_.push_back({whole, static_cast<std::uint32_t>(word.size())});
  }
  symbols_.resize(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    symbols_[i] = vocabulary_.of_byte(byte);
    if (symbols_[i] == Vocabulary::none) {
      throw Error(Code::unsupported, "tokenizer",
                  fmt::format("the vocabulary has no token for the byte 0x{:02X} at {}", byte, begin));
    }
  }
  const std::size_t count = merge_pairs(merges_, symbols_);
  for (std::size_t i = 0; i < count; ++i) {
    pieces_.push_back({symbols_[i], static_cast<std::uint32_t>(vocabulary_.length(symbols_[i]))});
  }
}

}  // namespace embscope
