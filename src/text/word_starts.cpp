#include "text/word_starts.h"

namespace embscope {
namespace {

/// The first bytes of runs.
ByteSet firsts(ByteSet runs) { return runs & ~behind(runs); }
/// The last bytes of runs.
ByteSet lasts(ByteSet runs) { return runs & ~before(runs); }

// Where the certain starts end. White space up to the last known byte may go on, and a contraction needs two letters.
ByteSet certain(const Block& block, ByteSet starts) {
  if (block.known < 4) return 0;
  const auto run = static_cast<std::size_t>(64 - std::countl_zero(~block.spaces & below(block.known)));
  return starts & below(std::min(run + 1, block.known - 2)) & ~ByteSet{1};
}

/// `quotes`: those at which a word starts. Each may be a word with the letters behind it, which start none then.
template <class Length>
ByteSet with_contractions(const Block& block, ByteSet starts, ByteSet quotes, Length length) {
  for (; quotes != 0; quotes &= quotes - 1) {
    const auto at = static_cast<std::size_t>(std::countr_zero(quotes));
    const std::size_t bytes = at + 3 < Block::size ? length(block.text, at) : 0;
    if (bytes == 0) continue;
    starts &= ~(ByteSet{1} << (at + 1));
    if (at + bytes < Block::size) starts |= ByteSet{1} << (at + bytes);
  }
  return starts;
}

// A blank before a word belongs to it, other white space does not; the white space before it is a word of its own.
template <bool digits_alone>
ByteSet gpt2_starts(const Block& block) {
  const ByteSet alone = digits_alone ? block.digits : 0;  // no blank belongs to these
  const ByteSet words = firsts(block.letters) | firsts(block.digits) | firsts(block.others());
  const ByteSet blanks = firsts(block.spaces) | (lasts(block.spaces) & ~before(alone));
  const ByteSet starts = (words & ~behind(block.blanks)) | alone | blanks;
  return with_contractions(block, starts, block.quotes & starts, words::contraction);
}

// White space that holds newlines is a word up to the last of them; what follows begins another.
ByteSet newline_starts(const Block& block, ByteSet spaces) {
  const ByteSet rest = spaces & ~block.newlines;
  ByteSet starts = rest & behind(spaces & block.newlines);
  const auto blocked = [&](ByteSet by) {  // by newlines behind the white space that these start
    const ByteSet runs = run_from(rest, by);
    return (behind(runs) & ~runs & spaces & block.newlines) != 0;
  };
  if (!blocked(starts)) return starts;
  for (ByteSet all = starts; all != 0; all &= all - 1) {
    const ByteSet one = all & (0 - all);
    if (blocked(one)) starts &= ~one;
  }
  return starts;
}

// Runs of digits in words of three.
ByteSet thirds(ByteSet digits) {
  const ByteSet three = digits & behind(digits) & behind(digits, 2);  // the third or a later one
  ByteSet starts = firsts(digits);
  for (ByteSet next = starts; next != 0; starts |= next) next = behind(next, 3) & three;
  return starts;
}

template <bool digits_alone>
ByteSet llama3_starts(const Block& block) {
  const ByteSet others = block.others();
  const ByteSet taken = run_from(block.newlines, behind(others));  // newlines of the punctuation before them
  const ByteSet spaces = block.spaces & ~taken;
  const ByteSet marks = firsts(others) & ~behind(block.blanks);  // punctuation that has no blank before it
  const ByteSet blanks =
      firsts(spaces) | (lasts(block.spaces) & spaces & ~block.newlines) | newline_starts(block, spaces);
  const ByteSet letters = firsts(block.letters) & ~behind(marks | (spaces & ~block.newlines));
  const ByteSet starts = marks | blanks | letters | (digits_alone ? block.digits : thirds(block.digits));
  return with_contractions(block, starts, block.quotes & marks, words::contraction_in_any_case);
}

}  // namespace

template <>
ByteSet word_starts<PreTokenizer::gpt2>(const Block& block) {
  return certain(block, gpt2_starts<false>(block));
}
template <>
ByteSet word_starts<PreTokenizer::smollm>(const Block& block) {
  return certain(block, gpt2_starts<true>(block));
}
template <>
ByteSet word_starts<PreTokenizer::llama3>(const Block& block) {
  return certain(block, llama3_starts<false>(block));
}
template <>
ByteSet word_starts<PreTokenizer::qwen2>(const Block& block) {
  return certain(block, llama3_starts<true>(block));
}

}  // namespace embscope
