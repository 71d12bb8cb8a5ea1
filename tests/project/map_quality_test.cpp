#include "embscope/project/map_quality.h"

#include <cmath>

#include <gmock/gmock.h>

#include "base/random.h"

namespace embscope {
namespace {

Tensor normals(std::int64_t n, std::int64_t width, std::uint64_t seed) {
  Random random(seed);
  Tensor v({n, width});
  for (float& x : v.values()) x = static_cast<float>(random.normal());
  return v;
}

QualityOptions euclidean(int k) {
  QualityOptions o;
  o.k = k;
  o.metric = Metric::euclidean;
  return o;
}

TEST(MapQuality, a_map_that_is_the_space_itself_is_perfect) {
  const Tensor v = normals(60, 2, 1);
  const MapQuality q = map_quality(v, v, euclidean(10));
  EXPECT_EQ(q.count, 60);
  EXPECT_FALSE(q.sampled());
  EXPECT_DOUBLE_EQ(q.kept, 1);
  EXPECT_DOUBLE_EQ(q.trustworthiness, 1);
  EXPECT_NEAR(q.rank_correlation, 1, 1e-9);
  EXPECT_EQ(q.pairs, 60 * 59 / 2);
}

TEST(MapQuality, of_five_points_is_what_one_counts_by_hand) {
  // On a line 0 1 3 7 15 the nearest is always the point before (of 0: 1). The map exchanges the places of 0 and 15.
  Tensor v({5, 1}), map({5, 2});
  for (std::int64_t i = 0; i < 5; ++i) {
    v.row(i)[0] = static_cast<float>((1 << i) - 1);
    map.row(i)[0] = static_cast<float>((1 << (i == 0 ? 4 : i == 4 ? 0 : i)) - 1);
  }
  const MapQuality q = map_quality(v, map, euclidean(1));
  // nearest on the map: of 0 (at 15): 3; of 1: 4 (at 0); of 2: 1; of 3: 2; of 4 (at 0): 1
  EXPECT_THAT(q.kept_of, ::testing::ElementsAre(0, 0, 1, 1, 0));
  // ranks: 3 is the third of 0, 4 the fourth of 1, 1 the third of 4; the scale is 2 / (k (2n - 3k - 1)) = 1/3
  EXPECT_NEAR(q.trustworthiness_of[0], 1 - 2 / 3.0, 1e-12);
  EXPECT_NEAR(q.trustworthiness_of[1], 1 - 3 / 3.0, 1e-12);
  EXPECT_NEAR(q.trustworthiness_of[4], 1 - 2 / 3.0, 1e-12);
  EXPECT_NEAR(q.kept, 0.4, 1e-12);
}

TEST(MapQuality, chance_keeps_what_chance_keeps) {
  const Tensor v = normals(400, 5, 2), map = normals(400, 2, 3);
  const MapQuality q = map_quality(v, map, euclidean(10));
  EXPECT_NEAR(q.kept, 10.0 / 399, 0.02);
  EXPECT_NEAR(q.rank_correlation, 0, 0.05);
  EXPECT_NEAR(q.trustworthiness, 0.5, 0.05);
}

TEST(MapQuality, a_sample_is_near_the_whole_and_says_so) {
  const Tensor v = normals(900, 4, 4);
  Tensor map({900, 2});  // two of its dimensions
  for (std::int64_t i = 0; i < 900; ++i) map.row(i)[0] = v.row(i)[0], map.row(i)[1] = v.row(i)[1];
  QualityOptions o = euclidean(10);
  const MapQuality all = map_quality(v, map, o);
  o.sample = 300;
  const MapQuality some = map_quality(v, map, o);
  EXPECT_TRUE(some.sampled());
  EXPECT_EQ(some.ids.size(), 300u);
  EXPECT_TRUE(std::ranges::is_sorted(some.ids));
  EXPECT_EQ(std::ranges::adjacent_find(some.ids), some.ids.end());
  EXPECT_NEAR(some.kept, all.kept, 0.05);
  EXPECT_NEAR(some.trustworthiness, all.trustworthiness, 0.03);
  EXPECT_NEAR(some.rank_correlation, all.rank_correlation, 0.03);
  for (std::size_t s = 0; s < some.ids.size(); ++s)
    ASSERT_EQ(some.kept_of[s], all.kept_of[static_cast<std::size_t>(some.ids[s])]);
}

TEST(MapQuality, what_cannot_be_judged_is_refused) {
  const Tensor v = normals(20, 3, 5), map = normals(20, 2, 6);
  EXPECT_THROW(map_quality(v, normals(19, 2, 6)), Error);
  EXPECT_THROW(map_quality(v, normals(20, 3, 6)), Error);
  EXPECT_THROW(map_quality(v, map, euclidean(10)), Error);
  EXPECT_NO_THROW(map_quality(v, map, euclidean(9)));
}

}  // namespace
}  // namespace embscope
