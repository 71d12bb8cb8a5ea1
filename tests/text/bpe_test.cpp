// Merges, held to their definition.
#include <chrono>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "text/bpe.h"

namespace embscope {
namespace {

// Random merges over a small alphabet; ids 0..letters-1 are the letters.
struct RandomMerges {
  RandomMerges(std::mt19937& random, TokenId letters, std::size_t count) : table(count) {
    std::vector<std::string> tokens;
    std::map<std::string, TokenId> ids;
    const auto id_of = [&](const std::string& text) {
      const auto [place, fresh] = ids.try_emplace(text, static_cast<TokenId>(tokens.size()));
      if (fresh) tokens.push_back(text);
      return place->second;
    };
    for (TokenId i = 0; i < letters; ++i) id_of(std::string(1, static_cast<char>('a' + i)));
    for (std::uint32_t rank = 0; rank < count; ++rank) {
      const auto left = static_cast<TokenId>(random() % tokens.size()),
                 right = static_cast<TokenId>(random() % tokens.size());
      const std::string whole = tokens[static_cast<std::size_t>(left)] + tokens[static_cast<std::size_t>(right)];
      const TokenId merged = id_of(whole);
      table.insert(left, right, {rank, merged});
      if (left < letters && right < letters)
        table.insert_bytes(static_cast<unsigned char>(left), static_cast<unsigned char>(right), {rank, merged});
    }
  }
  MergeTable table;
};

std::vector<TokenId> by_definition(const MergeTable& merges, std::vector<TokenId> symbols) {
  for (;;) {
    std::size_t best = symbols.size();
    MergeTable::Merge lowest;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto found = merges.find(symbols[i], symbols[i + 1]);
      if (found.rank < lowest.rank) lowest = found, best = i;
    }
    if (best == symbols.size()) return symbols;
    symbols[best] = lowest.id;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

template <class Merger>
std::vector<TokenId> merged(Merger merge, std::vector<TokenId> symbols) {
  symbols.resize(merge(std::span(symbols)));
  return symbols;
}

TEST(Merges, equal_their_definition_in_short_and_long_words) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    const TokenId letters = 1 + static_cast<TokenId>(random() % 4);
    const RandomMerges merges(random, letters, 1 + random() % 60);
    for (const std::size_t size : {1, 2, 3, 7, 20, 48, 49, 200, 600}) {
      std::vector<TokenId> word(size);
      for (TokenId& id : word) id = static_cast<TokenId>(random() % static_cast<unsigned>(letters));
      const auto expected = by_definition(merges.table, word);
      std::string bytes;
      for (const TokenId id : word) bytes += static_cast<char>(id);
      const auto with = [&](auto merge) { return merged(merge, word); };
      if (size <= longest_short_word) {
        ASSERT_EQ(with([&](std::span<TokenId> ids) { return merge_short(merges.table, ids); }), expected);
        ASSERT_EQ(with([&](std::span<TokenId> ids) { return merge_short(merges.table, ids, bytes); }), expected);
      }
      ASSERT_EQ(with([&](std::span<TokenId> ids) { return merge_long(merges.table, ids); }), expected);
      ASSERT_EQ(with([&](std::span<TokenId> ids) { return merge_pairs(merges.table, ids, bytes); }), expected);
    }
  }
}

TEST(Merges, of_a_megabyte_of_one_letter_are_fast) {
  MergeTable merges(16);  // a a -> aa, aa aa -> aaaa, ...
  for (TokenId i = 0; i < 16; ++i) merges.insert(i, i, {static_cast<std::uint32_t>(i), i + 1});
  std::vector<TokenId> word(1 << 20, 0);
  const auto start = std::chrono::steady_clock::now();
  word.resize(merge_pairs(merges, word));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));  // a quadratic merge would take hours
  EXPECT_EQ(word, std::vector<TokenId>(16, 16));
}

TEST(MergeTable, keeps_the_first_of_equal_pairs_and_knows_no_other) {
  MergeTable merges(2);
  merges.insert(1, 2, {0, 7});
  merges.insert(1, 2, {1, 8});
  EXPECT_EQ(merges.find(1, 2).id, 7);
  EXPECT_EQ(merges.find(2, 1).rank, MergeTable::none);
  EXPECT_EQ(MergeTable().find(0, 0).rank, MergeTable::none);
}

}  // namespace
}  // namespace embscope
