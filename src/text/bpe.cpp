#include "text/bpe.h"

#include <algorithm>
#include <array>
#include <functional>
#include <queue>
#include <unordered_map>

#include "base/memory.h"
#include "text/hash.h"

namespace embscope {
namespace {

// The neighbours of a long word as a linked list, and its pairs in buckets by rank. A merge of rank r makes pairs of
// other ranks only (they contain the merged token, which pair r does not), so a bucket does not grow while it is
// processed. And it is in the order of the text: the same merges in the same order make a token from its bytes,
// independently of its neighbours, so all pairs of two tokens appear in the round that makes the later of them, which
// goes from left to right.
class LongWord {
 public:
  LongWord(const MergeTable& merges, std::span<TokenId> symbols) : merges_(merges), ids_(symbols) {
    const auto n = static_cast<std::int32_t>(ids_.size());
    for (std::int32_t i = 0; i < n; ++i) {
      before_.push_back(i - 1);
      after_.push_back(i + 1 < n ? i + 1 : -1);
    }
    for (std::int32_t i = 0; i + 1 < n; ++i) offer(i);
  }

  std::size_t merge() {
    while (!ranks_.empty()) {
      const std::uint32_t rank = ranks_.top();
      Bucket& bucket = buckets_[rank];
      if (bucket.next == bucket.positions.size()) {
        ranks_.pop();
        buckets_.erase(rank);
        continue;
      }
      merge_at(bucket.positions[bucket.next++], rank);
    }
    return static_cast<std::size_t>(std::remove(ids_.begin(), ids_.end(), gone) - ids_.begin());
  }

 private:
  static constexpr TokenId gone = -1;
  struct Bucket {
    std::vector<std::int32_t> positions;
    std::size_t next = 0;
  };

  void offer(std::int32_t i) {
    const auto found = merges_.find(ids_[at(i)], ids_[at(after_[at(i)])]);
    if (found.rank == MergeTable::none) return;
    const auto [place, fresh] = buckets_.try_emplace(found.rank);
    if (fresh) ranks_.push(found.rank);
    place->second.positions.push_back(i);
  }

  // Position i may have changed since it was added: then its pair has another rank, or none.
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
  std::span<TokenId> ids_;
  std::vector<std::int32_t> before_, after_;
  std::unordered_map<std::uint32_t, Bucket> buckets_;
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ranks_;
};

std::uint64_t pair_of(TokenId left, TokenId right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

}  // namespace

MergeTable::MergeTable(std::size_t count) {
  slots_.reserve(2 * count + 1);
  want_large_pages(slots_.data(), slots_.capacity() * sizeof(Slot));
  slots_.resize(2 * count + 1);
}

std::size_t MergeTable::place(std::uint64_t pair) const {
  std::size_t place = hashing::place(pair * hashing::odd, slots_.size());
  while (slots_[place].pair != empty && slots_[place].pair != pair) place = hashing::next(place, slots_.size());
  return place;
}

void MergeTable::ask(TokenId left, TokenId right) const {
  __builtin_prefetch(&slots_[hashing::place(pair_of(left, right) * hashing::odd, slots_.size())]);
}

void MergeTable::insert(TokenId left, TokenId right, Merge merge) {
  const std::uint64_t pair = pair_of(left, right);
  Slot& slot = slots_[place(pair)];
  if (slot.pair == empty) slot = {pair, merge};
}

MergeTable::Merge MergeTable::find(TokenId left, TokenId right) const {
  return slots_[place(pair_of(left, right))].merge;
}

void MergeTable::insert_bytes(unsigned char left, unsigned char right, Merge merge) {
  if (byte_pairs_.empty()) byte_pairs_.resize(1 << 16);
  Merge& here = byte_pairs_[std::size_t{left} << 8 | right];
  if (here.rank == none) here = merge;
}

std::size_t merge_short(const MergeTable& merges, std::span<TokenId> symbols, std::string_view bytes) {
  std::array<MergeTable::Merge, longest_short_word> pairs;  // [i]: the symbols i and i + 1
  std::size_t last = symbols.size() - 1;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  for (std::size_t i = 0; i < last; ++i)
    pairs[i] = bytes.empty() ? merges.find(symbols[i], symbols[i + 1]) : merges.find_bytes(byte(i), byte(i + 1));
  while (last > 0) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < last; ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].rank == MergeTable::none) break;
    symbols[best] = pairs[best].id;
    --last;
    for (std::size_t i = best + 1; i <= last; ++i) {
      symbols[i] = symbols[i + 1];
      pairs[i - 1] = pairs[i];
    }
    if (best > 0) pairs[best - 1] = merges.find(symbols[best - 1], symbols[best]);
    if (best < last) pairs[best] = merges.find(symbols[best], symbols[best + 1]);
  }
  return last + 1;
}

std::size_t merge_long(const MergeTable& merges, std::span<TokenId> symbols) {
  return LongWord(merges, symbols).merge();
}

std::size_t merge_pairs(const MergeTable& merges, std::span<TokenId> symbols, std::string_view bytes) {
  if (symbols.empty()) return 0;
  return symbols.size() <= longest_short_word ? merge_short(merges, symbols, bytes) : merge_long(merges, symbols);
}

}  // namespace embscope
