#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <queue>
#include <unordered_map>

namespace embscope {
namespace {

constexpr std::size_t longest_short_word = 48;

// The neighbours of a long word as a linked list, and its pairs in buckets by rank. A merge of rank r makes pairs of other
// ranks only (they contain the merged token, which pair r does not), so a bucket does not grow while it is worked off.
class LongWord {
 public:
  LongWord(const MergeTable& merges, std::vector<TokenId>& symbols) : merges_(merges), ids_(symbols) {
    const auto n = static_cast<std::int32_t>(ids_.size());
    for (std::int32_t i = 0; i < n; ++i) {
      before_.push_back(i - 1);
      after_.push_back(i + 1 < n ? i + 1 : -1);
    }
    for (std::int32_t i = 0; i + 1 < n; ++i) offer(i);
  }

  void merge() {
    while (!ranks_.empty()) {
      const std::uint32_t rank = ranks_.top();
      Bucket& bucket = buckets_[rank];
      if (bucket.next == bucket.positions.size()) {
        ranks_.pop();
        buckets_.erase(rank);
        continue;
      }
      if (!bucket.sorted) {
        std::sort(bucket.positions.begin() + static_cast<std::ptrdiff_t>(bucket.next), bucket.positions.end());
        bucket.sorted = true;
      }
      merge_at(bucket.positions[bucket.next++], rank);
    }
    std::erase(ids_, gone);
  }

 private:
  static constexpr TokenId gone = -1;
  struct Bucket {
    std::vector<std::int32_t> positions;
    std::size_t next = 0;
    bool sorted = true;
  };

  void offer(std::int32_t i) {
    const auto found = merges_.find(ids_[at(i)], ids_[at(after_[at(i)])]);
    if (found.rank == MergeTable::none) return;
    const auto [place, fresh] = buckets_.try_emplace(found.rank);
    if (fresh) ranks_.push(found.rank);
    Bucket& bucket = place->second;
    if (!bucket.positions.empty() && bucket.positions.back() > i) bucket.sorted = false;
    bucket.positions.push_back(i);
  }

  // Position i may have changed since it was offered: then its pair has another rank, or none.
  void merge_at(std::int32_t i, std::uint32_t rank) {
    const std::int32_t right = ids_[at(i)] == gone ? -1 : after_[at(i)];
    if (right < 0) return;
    const auto found = merges_.find(ids_[at(i)], ids_[at(right)]);
    if (found.rank != rank) return;
    ids_[at(i)] = found.id;
    ids_[at(right)] = gone;
    after_[at(i)] = after_[at(right)];
    if (after_[at(i)] >= 0) {
      before_[at(after_[at(i)])] = i;
      offer(i);
    }
    if (before_[at(i)] >= 0) offer(before_[at(i)]);
  }

  static std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

  const MergeTable& merges_;
  std::vector<TokenId>& ids_;
  std::vector<std::int32_t> before_, after_;
  std::unordered_map<std::uint32_t, Bucket> buckets_;
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ranks_;
};

}  // namespace

void MergeTable::reserve(std::size_t count) { slots_.assign(std::bit_ceil(std::max<std::size_t>(16, count * 2)), {}); }

std::size_t MergeTable::place(std::uint64_t key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = static_cast<std::size_t>((key * 0x9e3779b97f4a7c15) >> 20) & mask;
  while (slots_[at].key != empty && slots_[at].key != key) at = (at + 1) & mask;
  return at;
}

bool MergeTable::insert(TokenId left, TokenId right, Merge merge) {
  const std::uint64_t key = static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
  Slot& slot = slots_[place(key)];
  if (slot.key == key) return false;
  slot = {key, merge};
  return true;
}

MergeTable::Merge MergeTable::find(TokenId left, TokenId right) const {
  const std::uint64_t key = static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
  return slots_[place(key)].merge;
}

void merge_short(const MergeTable& merges, std::vector<TokenId>& symbols) {
  std::vector<MergeTable::Merge> pairs;
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i) pairs.push_back(merges.find(symbols[i], symbols[i + 1]));
  while (!pairs.empty()) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < pairs.size(); ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].rank == MergeTable::none) return;
    symbols[best] = pairs[best].id;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(best));
    if (best > 0) pairs[best - 1] = merges.find(symbols[best - 1], symbols[best]);
    if (best < pairs.size()) pairs[best] = merges.find(symbols[best], symbols[best + 1]);
  }
}

void merge_long(const MergeTable& merges, std::vector<TokenId>& symbols) { LongWord(merges, symbols).merge(); }

void merge_pairs(const MergeTable& merges, std::vector<TokenId>& symbols) {
  symbols.size() <= longest_short_word ? merge_short(merges, symbols) : merge_long(merges, symbols);
}

}  // namespace embscope
