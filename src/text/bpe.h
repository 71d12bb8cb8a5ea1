// Byte-pair encoding (Sennrich et al. 2016): of all neighbouring pairs, the one with the lowest rank is merged, the leftmost
// first, until no pair has a rank.
#pragma once

#include <cstdint>
#include <vector>

#include "embscope/tokenizer.h"

namespace embscope {

/// (left id, right id) -> rank and merged id: an open-addressing table.
class MergeTable {
 public:
  struct Merge { std::uint32_t rank; TokenId id; };
  static constexpr std::uint32_t none = 0xffffffff;

  void reserve(std::size_t count);
  /// False when the pair has a merge already.
  bool insert(TokenId left, TokenId right, Merge merge);
  Merge find(TokenId left, TokenId right) const;  ///< rank `none` when there is no merge

 private:
  struct Slot { std::uint64_t key = empty; Merge merge{none, 0}; };
  static constexpr std::uint64_t empty = ~std::uint64_t{0};
  std::size_t place(std::uint64_t key) const;
  std::vector<Slot> slots_;
};

/// Merges `symbols` (ids of single bytes) in place. Quadratic for short words, n log n for long ones; the results are equal.
void merge_pairs(const MergeTable& merges, std::vector<TokenId>& symbols);

void merge_short(const MergeTable& merges, std::vector<TokenId>& symbols);
void merge_long(const MergeTable& merges, std::vector<TokenId>& symbols);

}  // namespace embscope
