// Byte-pair encoding (Sennrich et al. 2016): of all neighbouring pairs, the one with the lowest rank is merged, the
// leftmost first, until no pair has a rank.
#pragma once

#include <cstdint>
#include <span>
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

 private:
  struct Slot {
    std::uint64_t pair = empty;
    Merge merge;
  };
  static constexpr std::uint64_t empty = ~std::uint64_t{0};
  std::size_t place(std::uint64_t pair) const;
  std::vector<Slot> slots_;
};

/// Merges `symbols` (ids of single bytes) in place and returns the remaining number. Quadratic for short words, n log n
/// for long ones; the results are equal.
std::size_t merge_pairs(const MergeTable& merges, std::span<TokenId> symbols);

constexpr std::size_t longest_short_word = 48;
std::size_t merge_short(const MergeTable& merges, std::span<TokenId> symbols);  ///< of at most longest_short_word
std::size_t merge_long(const MergeTable& merges, std::span<TokenId> symbols);

}  // namespace embscope
