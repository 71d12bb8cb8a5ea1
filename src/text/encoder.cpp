#include "text/encoder.h"

#include <array>

#include "text/word_starts.h"

namespace embscope {
void Encoder::encode(std::string_view text, std::uint64_t offset) {
  if (pre_ == PreTokenizer::none)
    return encode_words(text, offset, [&](std::size_t begin, auto use) { use(safe_.next(text, begin)); });
  with_pattern(pre_, [&]<PreTokenizer pre>() {
    encode_words(text, offset, [&](std::size_t begin, auto use) { next_words<pre>(text, begin, use); });
  });
}

// The words of a batch are all asked for before the first is needed, so that the memory of each is on its way.
template <class NextWords>
void Encoder::encode_words(std::string_view text, std::uint64_t offset, NextWords next_words) {
  std::array<WordCache::Wanted, 2 * Block::size> batch;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t count = 0;
    while (count < Block::size && begin < text.size()) {
      next_words(begin, [&](std::size_t end) {
        batch[count++] = cache_.ask(text, begin, end - begin);
        begin = end;
      });
    }
    for (std::size_t i = 0; i < count; ++i) encode_word(text, batch[i], offset);
  }
}

// The ranges are written as positions in the changed text, and then converted to positions in the source.
template <class Encode>
void Encoder::in_source(const AlignedText& text, Encode encode) {
  const std::size_t first = out_.size();
  at_ = &text.at;
  encode();
  at_ = nullptr;
  out_.move_ranges(first, text.at);
}

void Encoder::encode(const AlignedText& text) {
  in_source(text, [&] { encode(text.bytes, 0); });
}

void Encoder::encode(const AlignedText& text, std::span<const Part> words) {
  const std::string_view bytes = text.bytes;
  in_source(text, [&] {
    for (const Part& word : words) {
      for (std::size_t begin = word.begin; begin < word.end;) {
        const std::size_t end = safe_.next(bytes.substr(0, word.end), begin);
        encode_word(bytes, cache_.ask(bytes, begin, end - begin), 0);
        begin = end;
      }
    }
  });
}

inline void Encoder::encode_word(std::string_view text, const WordCache::Wanted& word, std::uint64_t offset) {
  const std::uint64_t begin = offset + word.begin;
  const WordCache::Entry* known = cache_.find(word, text);
  if (known == nullptr) {
    const std::span<const WordCache::Piece> pieces =
        model_.split(text.substr(word.begin, word.length), {at_, begin}, work_);
    cache_.insert(word, text.substr(word.begin, word.length), pieces);
    out_.write(pieces, begin);
  } else if (known->shape != WordCache::Entry::elsewhere) {
    out_.write(*known, begin, begin + word.length);
  } else {
    out_.write(cache_.pieces(*known), begin);
  }
}

}  // namespace embscope
