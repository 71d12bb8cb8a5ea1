// Byte-pair encoding (Sennrich et al. 2016): of all neighbouring pairs, the one with the lowest rank is merged, the
// leftmost first, until no pair has a rank.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "embscope/text/tokenizer.h"

namespace embscope {

/// (left id, right id) -> rank and merged id: an open-addressing table.
class MergeTable {
 public:
  struct Merge {
    std::uint32_t rank = none;
    TokenId id = 0;
  };
  static constexpr std::uint32_t none = 0xffffffff;

  explicit MergeTable(std::size_t count = 0);
  /// Prefetches the entry that `insert` will need.
  void ask(TokenId left, TokenId right) const;
  /// Of equal pairs the first is used, as everywhere.
  void insert(TokenId left, TokenId right, Merge merge);
  Merge find(TokenId left, TokenId right) const;  ///< rank `none` if there is no merge

  /// The same of the tokens of two bytes, at a place of their own: a word has as many such pairs as it has bytes, and
  /// most texts have few different ones.
  void insert_bytes(unsigned char left, unsigned char right, Merge merge);
  Merge find_bytes(unsigned char left, unsigned char right) const {
    return byte_pairs_.empty() ? Merge() : byte_pairs_[std::size_t{left} << 8 | right];
  }

 private:
  struct Slot {
    std::uint64_t pair = empty;
    Merge merge;
  };
  static constexpr std::uint64_t empty = ~std::uint64_t{0};
  std::size_t place(std::uint64_t pair) const;
  std::vector<Slot> slots_;
  std::vector<Merge> byte_pairs_;  // [65536], or none
};

/// Merges `symbols` in place and returns the remaining number. Quadratic for short words, n log n for long ones; the
/// results are equal. `bytes`: those whose tokens the symbols are, or nothing if they are other tokens.
std::size_t merge_pairs(const MergeTable& merges, std::span<TokenId> symbols, std::string_view bytes = {});

constexpr std::size_t longest_short_word = 48;
/// Of at most longest_short_word.
std::size_t merge_short(const MergeTable& merges, std::span<TokenId> symbols, std::string_view bytes = {});
std::size_t merge_long(const MergeTable& merges, std::span<TokenId> symbols);

}  // namespace embscope
