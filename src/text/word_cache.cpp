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

WordCache::Entry WordCache::entry_of(const Key& key, std::string_view word, std::span<const Piece> pieces) {
  Entry entry{key};
  const std::size_t count = pieces.size();
  if (word.size() <= longest_inline && count > 0 && count <= Entry::most_inline) {
    entry.shape = static_cast<std::uint32_t>(count);
    std::uint32_t end = 0;
    for (std::size_t i = 0; i < count; ++i) {
      entry.ids[i] = pieces[i].id;
      end += pieces[i].length;
      if (i + 1 < count) entry.shape |= end << (8 * (i + 1));
    }
    return entry;
  }
  entry.shape = Entry::elsewhere;
  entry.ids = {static_cast<TokenId>(count), static_cast<TokenId>(pieces_.size()), static_cast<TokenId>(bytes_.size())};
  pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
  if (word.size() > longest_inline) bytes_ += word;
  return entry;
}

void WordCache::insert(const Wanted& wanted, std::string_view word, std::span<const Piece> pieces) {
  if (word.size() > longest_word) return;
  make_room(word, pieces);
  const Entry entry = entry_of(wanted.key, word, pieces);
  std::size_t place = wanted.home;
  for (int step = 1; step < most_steps && entries_[place].shape != 0; ++step)
    place = hashing::next(place, entries_.size());
  words_ += entries_[place].shape == 0;
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
