// TokenWriter: fills vectors with tokens, in blocks, because that costs less than one token at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include "embscope/text/tokenizer.h"
#include "text/word_cache.h"

namespace embscope {

class TokenWriter {
 public:
  /// For the tokens of a text of `bytes`. The vectors are empty at first and complete after `finish`. `ranges` may be
  /// null: they take four fifths of the memory.
  TokenWriter(std::size_t bytes, std::vector<TokenId>& ids, std::vector<ByteRange>* ranges)
      : bytes_(bytes), ids_(ids), ranges_(ranges) {}

  void write(TokenId id, std::uint64_t begin, std::uint64_t end) {
    if (size_ == room_) make_room(1, begin);
    id_at_[size_] = id;
    if (range_at_ != nullptr) range_at_[size_] = {begin, end};
    ++size_;
  }

  void write(std::span<const WordCache::Piece> pieces, std::uint64_t begin) {
    if (room_ - size_ < pieces.size()) make_room(pieces.size(), begin);
    TokenId* id_at = id_at_ + size_;
    for (const auto& piece : pieces) *id_at++ = piece.id;
    if (range_at_ != nullptr) {
      ByteRange* range_at = range_at_ + size_;
      for (const auto& piece : pieces) {
        *range_at++ = {begin, begin + piece.length};
        begin += piece.length;
      }
    }
    size_ += pieces.size();
  }

  /// The pieces of a word that its entry has: all places are written whatever their number, which costs less than to
  /// look.
  void write(const WordCache::Entry& entry, std::uint64_t begin, std::uint64_t end) {
    constexpr std::size_t places = 4;  // 16 bytes are copied at once: three ids, and what stands behind them
    static_assert(sizeof(WordCache::Entry) - offsetof(WordCache::Entry, ids) >= places * sizeof(TokenId));
    if (room_ - size_ < places) make_room(places, begin);
    std::memcpy(id_at_ + size_, &entry.ids, places * sizeof(TokenId));
    const std::size_t count = entry.shape & 0xff;
    if (range_at_ != nullptr) {
      const std::uint64_t second = begin + (entry.shape >> 8 & 0xff), third = begin + (entry.shape >> 16);
      ByteRange* const at = range_at_ + size_;
      at[0] = {begin, count == 1 ? end : second};
      at[1] = {second, count == 2 ? end : third};
      at[2] = {third, end};
    }
    size_ += count;
  }

  std::size_t size() const { return size_; }
  /// Corrects the beginning of token `i`.
  void set_begin(std::size_t i, std::uint64_t begin) {
    if (range_at_ != nullptr) range_at_[i].begin = begin;
  }
  /// A token that begins within the last one takes the rest of it.
  void end_last_before(std::uint64_t begin) {
    if (range_at_ == nullptr || size_ == 0 || range_at_[size_ - 1].end <= begin) return;
    range_at_[size_ - 1].end = std::max(range_at_[size_ - 1].begin, begin);
  }
  /// Converts the ranges from token `first` on from positions in a changed text to positions in its source.
  void move_ranges(std::size_t first, const std::vector<std::uint64_t>& at) {
    if (range_at_ == nullptr) return;
    for (std::size_t i = first; i < size_; ++i) range_at_[i] = {at[range_at_[i].begin], at[range_at_[i].end]};
  }
  void finish();

 private:
  void make_room(std::size_t count, std::uint64_t done);

  std::size_t bytes_;
  std::vector<TokenId>& ids_;
  std::vector<ByteRange>* ranges_;
  std::size_t size_ = 0, room_ = 0;  // written; of the vectors
  TokenId* id_at_ = nullptr;
  ByteRange* range_at_ = nullptr;
};

}  // namespace embscope
