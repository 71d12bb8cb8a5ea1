#include "text/merge_reader.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "text/token_alphabet.h"

namespace embscope {
namespace {

// The tables are larger than the processor's near caches, and each merge reads them at three unpredictable places. So a
// block of merges goes through each step together, and the memory of the next step is prefetched.
class MergeReader {
 public:
  MergeReader(const TokenizerSpec& spec, const Vocabulary& vocabulary)
      : spec_(spec), vocabulary_(vocabulary), alphabet_(spec), table_(spec.merges.size()) {}

  MergeTable read() {
    for (std::size_t first = 0; first < spec_.merges.size(); first += block_.size()) {
      const std::size_t count = std::min(block_.size(), spec_.merges.size() - first);
      write_bytes(first, count);
      for (std::size_t i = 0; i < count; ++i)
        if (!block_[i].whole.empty()) find_ids(first + i, block_[i]);
      for (std::size_t i = 0; i < count; ++i) {
        if (!block_[i].whole.empty()) insert(static_cast<std::uint32_t>(first + i), block_[i]);
      }
    }
    return std::move(table_);
  }

 private:
  struct Merge {
    std::string_view whole;
    Vocabulary::Wanted left, right;
    TokenId left_id, right_id, merged_id;
  };

  void write_bytes(std::size_t first, std::size_t count) {
    std::size_t most = 0;
    for (std::size_t i = first; i < first + count; ++i)
      most += spec_.merges[i].first.size() + spec_.merges[i].second.size();
    bytes_.resize(std::max(bytes_.size(), most));
    char* at = bytes_.data();
    for (std::size_t i = 0; i < count; ++i) {
      const auto& [left, right] = spec_.merges[first + i];
      char* const cut = alphabet_.write(left, at);
      char* const end = cut == nullptr ? nullptr : alphabet_.write(right, cut);
      if (end == nullptr && !spec_.mark.empty()) {  // of a token that no text can become
        block_[i].whole = {};
        continue;
      }
      if (end == nullptr) refuse_merge(first + i);
      block_[i].whole = {at, end};
      block_[i].left = vocabulary_.ask({at, cut});
      block_[i].right = vocabulary_.ask({cut, end});
      at = end;
    }
  }

  void find_ids(std::size_t rank, Merge& merge) {
    merge.left_id = model_token(merge.left);
    merge.right_id = model_token(merge.right);
    merge.merged_id = next_ = vocabulary_.find(merge.whole, next_ + 1);  // most ids follow the ranks
    const auto none = Vocabulary::none;
    if (merge.left_id == none || merge.right_id == none || merge.merged_id == none) refuse_merge(rank);
    table_.ask(merge.left_id, merge.right_id);
  }

  void insert(std::uint32_t rank, const Merge& merge) {
    table_.insert(merge.left_id, merge.right_id, {rank, merge.merged_id});
    const std::string_view left = merge.left.bytes, right = merge.right.bytes;
    if (spec_.byte_level && left.size() == 1 && right.size() == 1)
      table_.insert_bytes(static_cast<unsigned char>(left[0]), static_cast<unsigned char>(right[0]),
                          {rank, merge.merged_id});
  }

  TokenId model_token(const Vocabulary::Wanted& wanted) const {
    const TokenId id = vocabulary_.find(wanted);
    return id != Vocabulary::none && vocabulary_.in_model(id) ? id : Vocabulary::none;
  }

  [[noreturn]] void refuse_merge(std::size_t rank) const {
    const auto& [left, right] = spec_.merges[rank];
    refuse(spec_, fmt::format("merge {} ('{}' + '{}') refers to a token that is not in the vocabulary", rank,
                              visible(left), visible(right)));
  }

  const TokenizerSpec& spec_;
  const Vocabulary& vocabulary_;
  TokenAlphabet alphabet_;
  MergeTable table_;
  std::array<Merge, 16> block_;
  std::string bytes_;  // of the block
  TokenId next_ = Vocabulary::none;
};

}  // namespace

MergeTable read_merges(const TokenizerSpec& spec, const Vocabulary& vocabulary) {
  return MergeReader(spec, vocabulary).read();
}

}  // namespace embscope
