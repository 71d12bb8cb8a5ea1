// What is kept of words met before.
#include <gtest/gtest.h>

#include "text/word_cache.h"

namespace embscope {
namespace {

using Pieces = std::vector<std::pair<TokenId, std::uint32_t>>;

// Word i, of 4 to 40 bytes, and its one to four pieces.
std::string word_of(int i) {
  const std::string number = std::to_string(1000 + i);
  return number + std::string(static_cast<std::size_t>(i % 36), '-');
}
Pieces pieces_of(int i) {
  Pieces pieces;
  auto rest = static_cast<std::uint32_t>(word_of(i).size());
  for (int k = 0; k < i % 4; ++k, --rest) pieces.emplace_back(10 * i + k, 1);
  pieces.emplace_back(10 * i + 9, rest);
  return pieces;
}

void insert(WordCache& cache, int i) {
  const std::string word = word_of(i);
  std::vector<WordCache::Piece> pieces;
  for (const auto& [id, length] : pieces_of(i)) pieces.push_back({id, length});
  cache.insert(cache.ask(word, 0, word.size()), word, pieces);
}

// An entry says where pieces begin: the last one goes up to the end of the word.
Pieces found(const WordCache& cache, int i) {
  const std::string word = word_of(i);
  const WordCache::Entry* entry = cache.find(cache.ask(word, 0, word.size()), word);
  Pieces pieces;
  if (entry == nullptr) return pieces;
  if (entry->shape == WordCache::Entry::elsewhere) {
    for (const WordCache::Piece& piece : cache.pieces(*entry)) pieces.emplace_back(piece.id, piece.length);
    return pieces;
  }
  const std::uint32_t count = entry->shape & 0xff, begins[] = {0, entry->shape >> 8 & 0xff, entry->shape >> 16};
  for (std::uint32_t k = 0; k < count; ++k) {
    const auto end = k + 1 < count ? begins[k + 1] : static_cast<std::uint32_t>(word.size());
    pieces.emplace_back(entry->ids[k], end - begins[k]);
  }
  return pieces;
}

TEST(WordCache, knows_what_it_was_told) {
  WordCache cache(128);
  for (int i = 0; i < 60; ++i) insert(cache, i);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(found(cache, i), pieces_of(i)) << word_of(i);
  for (int i = 60; i < 200; ++i) EXPECT_EQ(found(cache, i), Pieces()) << word_of(i);
}

TEST(WordCache, forgets_rather_than_grows_and_is_never_wrong) {
  WordCache cache(128);
  for (int i = 0; i < 5000; ++i) {
    insert(cache, i);
    ASSERT_EQ(found(cache, i), pieces_of(i)) << word_of(i);
  }
  int kept = 0;
  for (int i = 0; i < 5000; ++i) {
    const Pieces pieces = found(cache, i);
    kept += !pieces.empty();
    EXPECT_TRUE(pieces.empty() || pieces == pieces_of(i)) << word_of(i);
  }
  EXPECT_EQ(cache.capacity(), 128);
  EXPECT_LE(kept, 96);  // three quarters of the places
}

}  // namespace
}  // namespace embscope
