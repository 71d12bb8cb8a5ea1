#include "text/merge_reader.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/threads.h"
#include "text/token_alphabet.h"

namespace embscope {
namespace {

// A merge as ids; `left` is `dropped` for one whose tokens no text can become, and `unknown` for one that names a token
// which is not there.
struct Ids {
  TokenId left = unknown, right = unknown, merged = unknown;
  static constexpr TokenId unknown = Vocabulary::none, dropped = -2;
};

// The tables are larger than the processor's near caches, and each merge reads them at three unpredictable places. So a
// block of merges goes through each step together, and the memory of the next step is prefetched.
class MergeReader {
 public:
  MergeReader(const TokenizerSpec& spec, const Vocabulary& vocabulary)
      : spec_(spec), vocabulary_(vocabulary), alphabet_(spec) {}

  /// The merges of ranks from `first` on.
  void read(std::size_t first, std::span<Ids> out) {
    for (; !out.empty(); first += block, out = out.subspan(std::min(block, out.size()))) {
      const std::size_t count = std::min(block, out.size());
      write_bytes(first, out.first(count));
      for (std::size_t i = 0; i < count; ++i)
        if (out[i].left != Ids::dropped && !merges_[i].whole.empty()) out[i] = ids_of(merges_[i]);
    }
  }

 private:
  static constexpr std::size_t block = 16;
  struct Merge {
    std::string_view whole;
    Vocabulary::Wanted left, right;
  };

  void write_bytes(std::size_t first, std::span<Ids> out) {
    std::size_t most = 0;
    for (std::size_t i = first; i < first + out.size(); ++i)
      most += spec_.merges[i].first.size() + spec_.merges[i].second.size();
    bytes_.resize(std::max(bytes_.size(), most));
    char* at = bytes_.data();
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto& [left, right] = spec_.merges[first + i];
      char* const cut = alphabet_.write(left, at);
      char* const end = cut == nullptr ? nullptr : alphabet_.write(right, cut);
      merges_[i].whole = {};
      if (end == nullptr) {
        if (!spec_.mark.empty()) out[i].left = Ids::dropped;
        continue;
      }
      merges_[i] = {{at, end}, vocabulary_.ask({at, cut}), vocabulary_.ask({cut, end})};
      at = end;
    }
  }

  Ids ids_of(const Merge& merge) {
    if (!vocabulary_.is(next_, merge.whole)) next_ = vocabulary_.find(merge.whole, next_ + 1);  // ids follow the ranks
    const Ids ids{vocabulary_.find_in_model(merge.left), vocabulary_.find_in_model(merge.right), next_};
    return ids.right == Ids::unknown || ids.merged == Ids::unknown ? Ids() : ids;
  }

  const TokenizerSpec& spec_;
  const Vocabulary& vocabulary_;
  TokenAlphabet alphabet_;
  std::array<Merge, block> merges_;
  std::string bytes_;  // of the block
  TokenId next_ = Vocabulary::none;
};

[[noreturn]] void refuse_merge(const TokenizerSpec& spec, std::size_t rank) {
  const auto& [left, right] = spec.merges[rank];
  refuse(spec, fmt::format("merge {} ('{}' + '{}') refers to a token that is not in the vocabulary", rank,
                           visible(left), visible(right)));
}

MergeTable table_of(const TokenizerSpec& spec, const Vocabulary& vocabulary, std::span<const Ids> merges) {
  constexpr std::size_t ahead = 16;
  MergeTable table(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    if (rank + ahead < merges.size()) table.ask(merges[rank + ahead].left, merges[rank + ahead].right);
    const Ids& ids = merges[rank];
    if (ids.left == Ids::unknown) refuse_merge(spec, rank);
    if (ids.left == Ids::dropped) continue;
    const MergeTable::Merge merge{static_cast<std::uint32_t>(rank), ids.merged};
    table.insert(ids.left, ids.right, merge);
    if (!spec.byte_level || vocabulary.length(ids.merged) != 2) continue;
    const auto byte = [&](TokenId id) { return static_cast<unsigned char>(vocabulary.bytes(id)[0]); };
    table.insert_bytes(byte(ids.left), byte(ids.right), merge);
  }
  return table;
}

}  // namespace

MergeTable read_merges(const TokenizerSpec& spec, const Vocabulary& vocabulary) {
  constexpr std::int64_t share = 1 << 16;  // of a thread: what takes a few milliseconds
  std::vector<Ids> merges(spec.merges.size());
  parallel_for(static_cast<std::int64_t>(merges.size()), share, [&](std::int64_t begin, std::int64_t end) {
    const auto first = static_cast<std::size_t>(begin);
    MergeReader(spec, vocabulary).read(first, std::span(merges).subspan(first, static_cast<std::size_t>(end - begin)));
  });
  return table_of(spec, vocabulary, merges);
}

}  // namespace embscope
