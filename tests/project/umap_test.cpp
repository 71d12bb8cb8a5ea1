#include <cmath>

#include <gmock/gmock.h>

#include "embscope/base/threads.h"
#include "embscope/project/map_quality.h"
#include "embscope/project/projection.h"
#include "project/clouds.h"

namespace embscope {
namespace {

Tensor umap(const Tensor& v, const UmapOptions& o = {}) {
  Umap map(v, o);
  while (map.step()) {}
  return map.points().clone();
}

TEST(Umap, its_curve_is_that_of_umap_learn) {
  const UmapCurve usual = umap_curve(0.1), loose = umap_curve(0.5);
  EXPECT_NEAR(usual.a, 1.5769, 2e-3);  // umap-learn 0.5: find_ab_params(1.0, 0.1)
  EXPECT_NEAR(usual.b, 0.8951, 2e-3);
  EXPECT_NEAR(loose.a, 0.5830, 2e-3);  // find_ab_params(1.0, 0.5)
  EXPECT_NEAR(loose.b, 1.3342, 2e-3);
}

TEST(Umap, clusters_come_apart_and_neighbours_stay) {
  const Tensor v = clouds(300, 10, 3, 0.5, 1);
  const Tensor map = umap(v);
  QualityOptions o;
  o.k = 15;
  const MapQuality quality = map_quality(v, map, o);
  EXPECT_GT(quality.trustworthiness, 0.9);
  double own = 0, other = INFINITY;
  for (std::int64_t i = 0; i < 300; ++i) {
    for (std::int64_t j = 0; j < i; ++j) {
      const double d = std::hypot(map.row(i)[0] - map.row(j)[0], map.row(i)[1] - map.row(j)[1]);
      if (i % 3 == j % 3)
        own += d / (3 * 100 * 99 / 2.0);
      else
        other = std::min(other, d);
    }
  }
  EXPECT_GT(other, own);  // the nearest of two clusters are farther apart than the mean pair within one
}

TEST(Umap, the_same_seed_gives_the_same_bits_with_any_number_of_threads) {
  const Tensor v = clouds(700, 6, 4, 1, 2);
  const int before = threads();
  UmapOptions o;
  o.epochs = 30;
  set_threads(1);
  const Tensor one = umap(v, o);
  set_threads(3);
  const Tensor three = umap(v, o);
  set_threads(before);
  EXPECT_TRUE(std::ranges::equal(one.values(), three.values()));
  o.seed = 2;
  EXPECT_FALSE(std::ranges::equal(one.values(), umap(v, o).values()));
}

TEST(Umap, equal_points_give_no_nan) {
  Tensor v({60, 4});
  std::fill(v.values().begin(), v.values().end(), 2.0f);
  for (bool cosine : {false, true}) {
    UmapOptions o;
    o.cosine = cosine;
    const Tensor map = umap(v, o);
    for (float x : map.values()) ASSERT_TRUE(std::isfinite(x));
  }
}

TEST(Umap, what_has_no_map_is_refused_with_the_reason) {
  auto refused = [](const Tensor& v, const UmapOptions& o, const std::string& says) {
    try {
      Umap map(v, o);
      ADD_FAILURE() << says << ": accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Code::range);
      EXPECT_THAT(e.what(), ::testing::HasSubstr(says));
    }
  };
  UmapOptions o;
  refused(clouds(10, 4, 2, 1, 3), o, "choose 2 to 10");
  o.neighbours = 3, o.epochs = -1;
  refused(clouds(10, 4, 2, 1, 3), o, "-1 epochs: choose 1 to 100000, or 0");
  o.epochs = 10, o.negatives = 101;
  refused(clouds(10, 4, 2, 1, 3), o, "101 negatives: choose 0 to 100");
  o = UmapOptions();
  refused(clouds(2, 4, 2, 1, 3), o, "at least 4");
  o.min_dist = NAN;
  refused(clouds(30, 4, 2, 1, 3), o, "min_dist");
  Tensor bad = clouds(30, 4, 2, 1, 3);
  bad.row(3)[0] = NAN;
  refused(bad, {}, "vector 3 holds NaN");
}

}  // namespace
}  // namespace embscope
