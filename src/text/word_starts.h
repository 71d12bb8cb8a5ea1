// Where words start in 64 bytes at once, for the common patterns: what pre_tokenizer.h says of one word after the
// other. The processor need not guess where each of them ends, which is most of the time of the other way.
#pragma once

#include "text/block.h"
#include "text/pre_tokenizer.h"

namespace embscope {

/// Where words start in a block whose first byte starts one: the bytes of which this is certain, without the first. A
/// word whose end is not certain (it is long, or text that is not ASCII follows) is left to word_end.
template <PreTokenizer pre>
ByteSet word_starts(const Block& block);

/// Whether there is such a description.
constexpr bool has_word_starts(PreTokenizer pre) {
  return pre == PreTokenizer::gpt2 || pre == PreTokenizer::smollm || pre == PreTokenizer::llama3 ||
         pre == PreTokenizer::qwen2;
}

/// Calls use(end) for one or more words from `begin` on: those that are found at once, or one.
template <PreTokenizer pre, class Use>
void next_words(std::string_view text, std::size_t begin, Use use) {
  if constexpr (has_word_starts(pre)) {
    const auto is_ascii = [&](std::size_t at) { return static_cast<unsigned char>(text[at]) < 0x80; };
    if (text.size() - begin >= Block::size && is_ascii(begin) && is_ascii(begin + 1)) {
      ByteSet starts = word_starts<pre>(Block(text.substr(begin)));
      const bool any = starts != 0;
      for (; starts != 0; starts &= starts - 1) use(begin + static_cast<std::size_t>(std::countr_zero(starts)));
      if (any) return;
    }
  }
  use(word_end<pre>(text, begin));
}

}  // namespace embscope
