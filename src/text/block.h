// Up to 64 bytes of a text as sets, one bit a byte, the first byte the lowest: which of them are letters, which digits.
// What is said of one byte is said of all of them at once, without a branch for each.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string_view>

#include "text/eight_bytes.h"

namespace embscope {

/// Bytes of a Block.
using ByteSet = std::uint64_t;

/// The same set one byte further: the bytes behind those of `set`.
constexpr ByteSet behind(ByteSet set, int steps = 1) { return set << steps; }
/// The bytes before those of `set`.
constexpr ByteSet before(ByteSet set) { return set >> 1; }
/// All bytes before byte `index`.
constexpr ByteSet below(std::size_t index) { return index < 64 ? (ByteSet{1} << index) - 1 : ~ByteSet{0}; }
/// The parts of the runs in `bytes` from where `starts` has a bit on.
constexpr ByteSet run_from(ByteSet bytes, ByteSet starts) { return bytes & ~(bytes + (starts & bytes)); }

struct Block {
  static constexpr std::size_t size = 64;
  std::string_view text;  // what is read begins at its first byte
  ByteSet letters = 0, digits = 0, spaces = 0, blanks = 0, newlines = 0, quotes = 0;
  std::size_t known = 0;  // bytes before the first one that is not ASCII

  /// Precondition: text.size() >= size.
  explicit Block(std::string_view of);
  ByteSet others() const { return ~(letters | digits | spaces); }
};

inline Block::Block(std::string_view of) : text(of) {
  using namespace eight_bytes;
  ByteSet foreign = 0;
#pragma GCC unroll 8
  for (std::size_t i = 0; i < size; i += 8) {
    const std::uint64_t word = load(text.data() + i), controls = between(word, '\t', '\r');
    const std::uint64_t blank = equal(word, ' ');
    letters |= bits(eight_bytes::letters(word)) << i;
    digits |= bits(eight_bytes::digits(word)) << i;
    blanks |= bits(blank) << i;
    spaces |= bits(blank | controls) << i;
    newlines |= bits(equal(word, '\n') | equal(word, '\r')) << i;
    quotes |= bits(equal(word, '\'')) << i;
    foreign |= bits(word & all(0x80)) << i;
  }
  known = static_cast<std::size_t>(std::countr_zero(foreign));
}

}  // namespace embscope
