// A cache of the tokens of words: most words of a text have occurred before, and need only one lookup here.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/text/tokenizer.h"
#include "text/hash.h"

namespace embscope {

/// It has a limited size: when it is full, it is cleared. For one thread at a time.
class WordCache {
 public:
  /// Up to 15 bytes are themselves the key, with their number in the last byte; longer words have a hash.
  struct Key {
    std::uint64_t low, high;
    bool operator==(const Key& other) const { return ((low ^ other.low) | (high ^ other.high)) == 0; }
  };
  struct Piece {
    TokenId id;
    std::uint32_t length;  // in bytes
  };
  /// A word of up to 15 bytes and three pieces has these in its entry: `shape` is their number and, from its second and
  /// third byte on, where the second and the third begin in the word.
  struct alignas(32) Entry {
    static constexpr std::size_t most_inline = 3;
    static constexpr std::uint32_t elsewhere = 0xff;  // the shape of other words
    Key key{0, 0};                                    // no word has this one
    std::array<TokenId, most_inline> ids{};  // elsewhere: the number of pieces, where they start, where the bytes start
    std::uint32_t shape = 0;                 // 0: free
  };

  explicit WordCache(std::size_t words);

  /// A word to look up. Its memory is prefetched for `find`.
  struct Wanted {
    std::size_t begin, length;  // in the text
    Key key;
    std::size_t home;  // where the search starts
  };
  Wanted ask(std::string_view text, std::size_t begin, std::size_t length) const {
    const Key key = length <= longest_inline ? inline_key(text, begin, length) : long_key(text.substr(begin, length));
    const std::size_t home = hashing::place((key.low + key.high * hashing::odd) * hashing::odd, entries_.size());
    __builtin_prefetch(&entries_[home]);
    return {begin, length, key, home};
  }

  /// The word's entry; null if it is not (or no longer) cached.
  const Entry* find(const Wanted& wanted, std::string_view text) const {
    std::size_t place = wanted.home;
    for (int step = 0; step < most_steps; ++step, place = hashing::next(place, entries_.size())) {
      const Entry& entry = entries_[place];
      if (entry.key == wanted.key) return is_same(entry, wanted, text) ? &entry : nullptr;
      if (entry.shape == 0) break;
    }
    return nullptr;
  }
  /// Of an entry that has them elsewhere: valid until the next `insert`.
  std::span<const Piece> pieces(const Entry& entry) const {
    return std::span(pieces_).subspan(static_cast<std::size_t>(entry.ids[1]), static_cast<std::size_t>(entry.ids[0]));
  }
  /// Words longer than `longest_word` are not kept.
  void insert(const Wanted& wanted, std::string_view word, std::span<const Piece> pieces);

  std::size_t capacity() const { return entries_.size(); }

 private:
  static constexpr std::size_t longest_inline = 15, longest_word = 255;
  static constexpr int most_steps = 16;  // limits searches among colliding words for every text
  static Key inline_key(std::string_view text, std::size_t at, std::size_t length) {
    const auto [low, high] = eight_bytes::first_of_sixteen[length];
    return {eight_bytes::load(text, at) & low, (eight_bytes::load(text, at + 8) & high) | std::uint64_t{length} << 56};
  }
  static Key long_key(std::string_view word) {
    return {hashing::hash(word), std::uint64_t{std::min(word.size(), longest_word)} << 56};
  }

  // Two long words may have the same key.
  bool is_same(const Entry& entry, const Wanted& wanted, std::string_view text) const {
    if (wanted.length <= longest_inline) return true;
    return wanted.length <= longest_word &&
           std::string_view(bytes_).substr(static_cast<std::size_t>(entry.ids[2]), wanted.length) ==
               text.substr(wanted.begin, wanted.length);
  }
  void make_room(std::string_view word, std::span<const Piece> pieces);
  Entry entry_of(const Key& key, std::string_view word, std::span<const Piece> pieces);

  std::vector<Entry> entries_;  // open addressing
  std::size_t words_ = 0;
  std::vector<Piece> pieces_;
  std::string bytes_;
};

/// The caches of one tokenizer: each call borrows one, so that no two threads share a cache. There are as many as there
/// were simultaneous calls. Any number of threads may use it.
class WordCaches {
 public:
  /// A cache large enough for a text of that many bytes, with the entries of earlier calls.
  std::unique_ptr<WordCache> borrow(std::size_t bytes);
  void give_back(std::unique_ptr<WordCache> cache);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<WordCache>> idle_;
};

}  // namespace embscope
