// What is kept of words met before.
#include <gtest/gtest.h>

#include "text/word_cache.h"

namespace embscope {
namespace {

using Pieces = std::vector<std::pair<TokenId, std::uint32_t>>;

// Word i, of 1 to 40 bytes, and its one to three pieces.
std::string word_of(int i) {
  const std::string number = std::to_string(i);
  return number + std::string(static_cast<std::size_t>(i % 36), '-');
}
Pieces pieces_of(int i) {
  Pieces pieces;
  for (int k = 0; k <= i % 3; ++k) pieces.emplace_back(10 * i + k, static_cast<std::uint32_t>(1 + k));
  return pieces;
}

void insert(WordCache& cache, int i) {
  const std::string word = word_of(i);
  std::vector<WordCache::Piece> pieces;
  for (const auto& [id, length] : pieces_of(i)) pieces.push_back({id, length});
  cache.insert(cache.ask(word, 0, word.size()), word, pieces);
}

// An entry with one piece has its id alone: the piece is as long as the word.
Pieces found(const WordCache& cache, int i) {
  const std::string word = word_of(i);
  const WordCache::Entry* entry = cache.find(cache.ask(word, 0, word.size()), word);
  Pieces pieces;
  if (entry == nullptr) return pieces;
  if (entry->count == 1) return {{static_cast<TokenId>(entry->first), 1}};
  for (std::uint32_t k = 0; k < entry->count; ++k)
    pieces.emplace_back(cache.pieces(*entry)[k].id, cache.pieces(*entry)[k].length);
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
