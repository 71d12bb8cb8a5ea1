#include "text/word_cache.h"

#include <algorithm>

namespace embscope {
namespace {

constexpr std::size_t least_words = 1 << 7, most_words = 1 << 16;  // 4 KiB to 2 MiB
constexpr std::size_t most_pieces = 1 << 17, most_bytes = 1 << 19;

}  // namespace

WordCache::WordCache(std::size_t words) : entries_(std::clamp(words, least_words, most_words)) {}

void WordCache::make_room(std::string_view word, std::span<const Piece> pieces) {
  const bool room = words_ < entries_.size() / 4 * 3 && pieces_.size() + pieces.size() <= most_pieces &&
                    bytes_.size() + word.size() <= most_bytes;
  if (room) return;
  std::fill(entries_.begin(), entries_.end(), Entry{});
  words_ = 0;
  pieces_.clear();
  bytes_.clear();
}

void WordCache::insert(const Wanted& wanted, std::string_view word, std::span<const Piece> pieces) {
  if (word.size() > longest_word) return;
  make_room(word, pieces);
  Entry entry{wanted.key, static_cast<std::uint32_t>(pieces.size())};
  if (pieces.size() == 1) {
    entry.first = static_cast<std::uint32_t>(pieces[0].id);
  } else {
    entry.first = static_cast<std::uint32_t>(pieces_.size());
    pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
  }
  if (word.size() > longest_inline) {
    entry.bytes = static_cast<std::uint32_t>(bytes_.size());
    bytes_ += word;
  }
  std::size_t place = wanted.home;
  for (int step = 1; step < most_steps && entries_[place].count != 0; ++step)
    place = hashing::next(place, entries_.size());
  words_ += entries_[place].count == 0;
  entries_[place] = entry;
}

std::unique_ptr<WordCache> WordCaches::borrow(std::size_t bytes) {
  const std::size_t words = std::min(bytes / 16, most_words);  // about as many different ones as a text has
  std::unique_ptr<WordCache> cache;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      cache = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (cache == nullptr || cache->capacity() < words) cache = std::make_unique<WordCache>(words);
  return cache;
}

void WordCaches::give_back(std::unique_ptr<WordCache> cache) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(cache));
}

}  // namespace embscope
