#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <gmock/gmock.h>

#include "base/random.h"
#include "embscope/base/threads.h"
#include "embscope/project/projection.h"
#include "project/clouds.h"
#include "project/repulsion.h"

namespace embscope {
namespace {

TsneOptions options(double perplexity, int steps = 750) {
  TsneOptions o;
  o.perplexity = perplexity;
  o.steps = steps;
  return o;
}

// P as van der Maaten & Hinton define it, found here by a plain bisection of each bandwidth.
std::vector<double> affinities(const Tensor& v, const TsneOptions& o) {
  const auto n = static_cast<std::size_t>(v.rows()), width = static_cast<std::size_t>(v.columns());
  std::vector<double> conditional(n * n), p(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<double> d(n);
    for (std::size_t j = 0; j < n; ++j) {
      const auto a = v.row(static_cast<std::int64_t>(i)), b = v.row(static_cast<std::int64_t>(j));
      double ab = 0, aa = 0, bb = 0, square = 0;
      for (std::size_t k = 0; k < width; ++k) {
        const double x = static_cast<double>(a[k]), y = static_cast<double>(b[k]);
        ab += x * y, aa += x * x, bb += y * y, square += (x - y) * (x - y);
      }
      d[j] = o.cosine ? std::pow(1 - ab / std::sqrt(aa * bb), 2) : square;
    }
    double low = 0, high = 1e12;
    for (int round = 0; round < 200; ++round) {
      const double beta = (low + high) / 2;
      double sum = 0, entropy = 0;
      for (std::size_t j = 0; j < n; ++j) sum += conditional[i * n + j] = j == i ? 0 : std::exp(-beta * d[j]);
      for (std::size_t j = 0; j < n; ++j) {
        const double share = conditional[i * n + j] /= sum > 0 ? sum : 1;
        if (share > 0) entropy -= share * std::log(share);
      }
      (sum > 0 && entropy > std::log(o.perplexity) ? low : high) = beta;
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j)
      p[i * n + j] = (conditional[i * n + j] + conditional[j * n + i]) / (2 * static_cast<double>(n));
  }
  return p;
}

// KL(P || Q) of points in the plane, Q with Student's t of one degree of freedom.
double divergence(const std::vector<double>& p, const std::vector<double>& y) {
  const std::size_t n = y.size() / 2;
  auto w = [&](std::size_t i, std::size_t j) {
    const double dx = y[2 * i] - y[2 * j], dy = y[2 * i + 1] - y[2 * j + 1];
    return 1 / (1 + dx * dx + dy * dy);
  };
  double total = 0, kl = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) total += i == j ? 0 : w(i, j);
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i != j && p[i * n + j] > 0) kl += p[i * n + j] * std::log(p[i * n + j] * total / w(i, j));
    }
  }
  return kl;
}

std::vector<double> points_of(const Tsne& map) { return {map.points().values().begin(), map.points().values().end()}; }

class TsneOf : public ::testing::TestWithParam<bool> {
 protected:
  TsneOptions with_metric(TsneOptions o) const {
    o.cosine = GetParam();
    return o;
  }
};

TEST_P(TsneOf, the_divergence_is_that_of_the_definition) {
  const Tensor v = clouds(20, 7, 3, 1, 1);
  const TsneOptions o = with_metric(options(5));
  Tsne map(v, o);
  const auto p = affinities(v, o);
  for (int round = 0; round < 3; ++round) {
    EXPECT_NEAR(map.divergence(), divergence(p, points_of(map)), 1e-4) << "after " << map.steps_done() << " steps";
    for (int i = 0; i < 60; ++i) map.step();
  }
}

TEST_P(TsneOf, the_gradient_is_the_slope_of_the_divergence) {
  const Tensor v = clouds(16, 6, 2, 1, 2);
  const TsneOptions o = with_metric(options(4));
  const auto p = affinities(v, o);
  Tsne map(v, o);
  for (int i = 0; i < 260; ++i) map.step();  // beyond the exaggeration: points are well apart
  const auto y = points_of(map);
  const Tensor gradient = map.gradient();
  double largest = 0;
  for (std::size_t c = 0; c < y.size(); ++c) {
    auto shifted = y;
    const double h = 1e-4 * std::max(1.0, std::abs(y[c]));
    shifted[c] = y[c] + h;
    const double above = divergence(p, shifted);
    shifted[c] = y[c] - h;
    const double slope = (above - divergence(p, shifted)) / (2 * h);
    EXPECT_NEAR(gradient.values()[c], slope, 2e-6 + 1e-4 * std::abs(slope)) << "coordinate " << c;
    largest = std::max(largest, std::abs(slope));
  }
  EXPECT_GT(largest, 1e-5);  // a flat place would prove nothing
}

INSTANTIATE_TEST_SUITE_P(metric, TsneOf, ::testing::Bool(),
                         [](const auto& m) { return std::string(m.param ? "cosine" : "euclidean"); });

TEST(Tsne, the_same_seed_gives_the_same_bits_with_any_number_of_threads) {
  const Tensor v = clouds(150, 20, 3, 1, 3);
  const int before = threads();
  std::vector<Tensor> maps;
  for (int count : {1, 2, 2}) {
    set_threads(count);
    maps.push_back(tsne(v, options(12, 300)));
  }
  set_threads(before);
  EXPECT_TRUE(std::ranges::equal(maps[0].values(), maps[1].values()));
  EXPECT_TRUE(std::ranges::equal(maps[1].values(), maps[2].values()));
}

TEST(Tsne, another_seed_gives_another_map) {
  const Tensor v = clouds(30, 5, 2, 1, 4);
  TsneOptions o = options(5, 60);
  const Tensor one = tsne(v, o);
  o.seed = 2;
  EXPECT_FALSE(std::ranges::equal(one.values(), tsne(v, o).values()));
}

TEST(Tsne, two_clusters_come_apart) {
  const Tensor v = clouds(60, 10, 2, 0.5, 5);
  const Tensor map = tsne(v, options(10));
  double nearest_other = INFINITY, farthest_own = 0;
  // from every point, the nearest point of the other cluster is farther than the nearest of its own
  for (std::int64_t i = 0; i < 60; ++i) {
    double own = INFINITY, other = INFINITY;
    for (std::int64_t j = 0; j < 60; ++j) {
      if (i == j) continue;
      const double d = std::hypot(map.row(i)[0] - map.row(j)[0], map.row(i)[1] - map.row(j)[1]);
      double& nearest = i % 2 == j % 2 ? own : other;
      nearest = std::min(nearest, d);
    }
    nearest_other = std::min(nearest_other, other);
    farthest_own = std::max(farthest_own, own);
  }
  EXPECT_GT(nearest_other, 2 * farthest_own);
}

TEST(Tsne, the_divergence_falls) {
  Tsne map(clouds(50, 8, 4, 1, 6), options(8, 500));
  const double start = map.divergence();
  while (map.step()) {}
  EXPECT_LT(map.divergence(), 0.6 * start);
  ASSERT_EQ(map.trace().size(), 10u);  // at every 50th of 500 steps
  EXPECT_EQ(map.trace().back(), map.divergence());
  EXPECT_LT(map.trace().back(), map.trace()[5]);  // after the exaggeration it only improves
}

TEST(Tsne, steps_are_counted_and_end) {
  Tsne map(clouds(8, 4, 2, 1, 7), options(2, 3));
  EXPECT_EQ(map.points().shape(), (Shape{8, 2}));
  EXPECT_TRUE(map.step());
  EXPECT_TRUE(map.step());
  EXPECT_FALSE(map.step());
  EXPECT_EQ(map.steps_done(), 3);
  const auto last = points_of(map);
  EXPECT_FALSE(map.step());
  EXPECT_EQ(map.steps_done(), 3);
  EXPECT_EQ(points_of(map), last);
}

TEST(Tsne, identical_points_give_no_nan) {
  Tensor all({12, 5});
  std::fill(all.values().begin(), all.values().end(), 2.0f);
  Tensor half = clouds(12, 5, 2, 0, 8);  // two places, six points on each
  for (const Tensor* v : {&all, &half}) {
    for (bool cosine : {false, true}) {
      TsneOptions o = options(3);
      o.cosine = cosine;
      Tsne map(*v, o);
      while (map.step()) {}
      for (float x : map.points().values()) ASSERT_TRUE(std::isfinite(x));
      EXPECT_TRUE(std::isfinite(map.divergence()));
    }
  }
}

TEST(Tsne, the_length_of_a_vector_is_nothing_to_cosines) {
  const Tensor v = clouds(24, 6, 2, 1, 9);
  Tensor scaled = v.clone();
  for (std::int64_t i = 0; i < v.rows(); ++i) {
    for (float& x : scaled.row(i)) x *= i % 3 == 0 ? 4.0f : 1.0f;  // a power of two rounds nothing
  }
  TsneOptions o = options(5);
  EXPECT_NEAR(divergence(affinities(v, o), std::vector<double>(48)), Tsne(scaled, o).divergence(), 1e-3);
}

void expect_refused(const Tensor& v, const TsneOptions& o, const std::string& says) {
  try {
    Tsne map(v, o);
    ADD_FAILURE() << says << ": accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::range) << e.what();
    EXPECT_THAT(e.what(), ::testing::HasSubstr(says));
  }
}

TEST(Tsne, what_has_no_map_is_refused_with_the_reason) {
  const Tensor v = clouds(31, 5, 2, 1, 10);
  expect_refused(clouds(3, 5, 2, 1, 10), options(1), "at least 4");
  expect_refused(v, options(10.1), "choose 1 to 10.0");  // the largest is (31 - 1) / 3
  expect_refused(v, options(0.5), "choose 1 to 10.0");
  expect_refused(v, options(NAN), "perplexity");
  expect_refused(v, options(5, 0), "0 steps");
  for (float bad : {NAN, INFINITY}) {
    Tensor broken = v.clone();
    broken.row(3)[2] = bad;
    expect_refused(broken, options(5), "NaN");
  }
  Tensor zero = v.clone();
  std::fill(zero.row(4).begin(), zero.row(4).end(), 0.0f);
  expect_refused(zero, options(5), "vector 4 is zero");
  TsneOptions euclidean = options(5, 5);
  euclidean.cosine = false;
  EXPECT_NO_THROW(Tsne(zero, euclidean));  // a place like any other
}

TEST(Tsne, rates_that_can_only_explode_are_refused) {
  const Tensor v = clouds(31, 5, 2, 1, 11);
  TsneOptions o = options(5);
  o.exaggeration = 0;
  expect_refused(v, o, "exaggeration");
  o = options(5);
  o.learning_rate = INFINITY;
  expect_refused(v, o, "learning rate");
  o = options(5);
  o.stall = 1;
  expect_refused(v, o, "a stall of 1: choose a share of 0 to 1");
}

TEST(Tsne, cannot_go_on_to_fewer_steps_than_are_done) {
  Tsne map(clouds(12, 4, 2, 1, 12), options(3, 5));
  while (map.step()) {}
  EXPECT_THROW(map.go_on(4), Error);
  map.go_on(8);
  while (map.step()) {}
  EXPECT_EQ(map.steps_done(), 8);
}

TEST(Tsne, progress_is_told_and_can_stop_the_work) {
  const Tensor v = clouds(12, 4, 2, 1, 12);
  std::vector<double> fractions;
  int steps = 0;
  tsne(v, options(3, 20), [&](double fraction, std::string_view what) {
    steps += what.starts_with("t-SNE, step");
    fractions.push_back(fraction);
    return true;
  });
  EXPECT_EQ(steps, 20);
  EXPECT_GT(fractions.size(), 20u);  // the neighbours come first, and take long among many vectors
  EXPECT_TRUE(std::is_sorted(fractions.begin(), fractions.end()));
  EXPECT_LE(fractions.back(), 1);
  try {
    tsne(v, options(3, 20), [](double fraction, std::string_view) { return fraction < 0.5; });
    FAIL() << "not stopped";
  } catch (const Error& e) { EXPECT_EQ(e.code(), Code::cancelled); }
  EXPECT_THROW(tsne(v, options(3, 20), [](double, std::string_view what) { return !what.starts_with("neighbours"); }),
               Error);
}

// The plain sums of the definition, in double.
double push_of_all(const std::vector<float>& y, std::vector<double>& pushes) {
  const std::size_t n = y.size() / 2;
  double total = 0;
  pushes.assign(2 * n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      const double dx = static_cast<double>(y[2 * i]) - static_cast<double>(y[2 * j]),
                   dy = static_cast<double>(y[2 * i + 1]) - static_cast<double>(y[2 * j + 1]);
      const double w = 1 / (1 + dx * dx + dy * dy);
      total += w, pushes[2 * i] += w * w * dx, pushes[2 * i + 1] += w * w * dy;
    }
  }
  return total;
}

TEST(Repulsion, by_grid_is_that_of_all_pairs) {
  for (double span : {1e-4, 3.0, 40.0, 90.0}) {
    Random random(13);
    std::vector<float> y;
    for (int i = 0; i < 4000; ++i) y.push_back(static_cast<float>(span * (random.uniform() - 0.5) * random.uniform()));
    std::vector<double> expected;
    const double z = push_of_all(y, expected);
    double largest = 0, square = 0;
    for (double p : expected) largest = std::max(largest, std::abs(p)), square += p * p;
    for (bool exact : {true, false}) {
      std::vector<float> pushes(y.size());
      EXPECT_NEAR(Repulsion(exact).find(y, pushes), z, (exact ? 1e-5 : 3e-3) * z) << span;
      double off = 0;
      for (std::size_t c = 0; c < y.size(); ++c) off += std::pow(static_cast<double>(pushes[c]) - expected[c], 2);
      EXPECT_LT(std::sqrt(off / square), exact ? 1e-5 : 5e-2) << (exact ? "pairs" : "grid") << " over " << span;
    }
  }
}

TEST(Repulsion, of_points_on_one_place_is_nothing) {
  std::vector<float> y(2 * 5000, 3.0f), pushes(y.size(), 7.0f);
  const double z = Repulsion(false).find(y, pushes);
  EXPECT_NEAR(z, 5000.0 * 4999, 1e-3 * z);
  for (float p : pushes) ASSERT_LT(std::abs(p), 1e-3);  // beside sums of 5,000 weights of 1
}

TEST(Tsne, of_many_points_ends_where_the_exact_gradient_does) {
  const Tensor v = clouds(600, 12, 7, 1, 14);
  TsneOptions o = options(20, 500);
  o.gradient = Gradient::exact;
  const double start = Tsne(v, o).divergence();
  Tsne exact(v, o);
  while (exact.step()) {}
  o.gradient = Gradient::fourier;
  Tsne fourier(v, o);
  while (fourier.step()) {}
  // weights beyond 3 x perplexity neighbours are left out, so that the divergences are near, not equal
  EXPECT_NEAR(fourier.divergence() / exact.divergence(), 1, 0.35);
  EXPECT_LT(fourier.divergence(), 0.6 * start);
}

TEST(Tsne, of_many_points_has_the_same_bits_with_any_number_of_threads) {
  const Tensor v = clouds(1500, 8, 5, 1, 15);
  const int before = threads();
  std::vector<Tensor> maps;
  for (int count : {1, 3}) {
    set_threads(count);
    maps.push_back(tsne(v, options(10, 60)));
  }
  set_threads(before);
  EXPECT_TRUE(std::ranges::equal(maps[0].values(), maps[1].values()));
}

TEST(Tsne, many_equal_points_give_no_nan) {
  Tensor v = clouds(1400, 6, 4, 1, 16);
  for (std::int64_t i = 200; i < 1400; ++i)
    std::copy_n(v.row(199).begin(), 6, v.row(i).begin());  // a padded vocabulary
  Tsne map(v, options(15, 300));
  while (map.step()) {}
  for (float x : map.points().values()) ASSERT_TRUE(std::isfinite(x));
  EXPECT_TRUE(std::isfinite(map.divergence()));
}

std::filesystem::path temporary(const char* name) {
  return std::filesystem::temp_directory_path() / (std::string("embscope_") + std::to_string(::getpid()) + name);
}

TEST(Tsne, an_interrupted_map_goes_on_as_if_it_had_not_been) {
  for (std::int64_t n : {40, 1100}) {
    const Tensor v = clouds(n, 6, 3, 1, 17);
    const TsneOptions o = options(8, 330);
    const auto path = temporary("state");
    Tsne whole(v, o), part(v, o);
    while (whole.step()) {}
    for (int i = 0; i < 270; ++i) part.step();
    part.save(path);
    Tsne rest = Tsne::resume(path, v);
    EXPECT_EQ(rest.steps_done(), 270);
    while (rest.step()) {}
    EXPECT_TRUE(std::ranges::equal(whole.points().values(), rest.points().values())) << n;
    EXPECT_EQ(whole.trace(), rest.trace());
    rest.save(path);  // finished, and then asked for more
    Tsne more = Tsne::resume(path, v);
    EXPECT_FALSE(more.step());
    more.go_on(340);
    while (more.step()) {}
    EXPECT_EQ(more.steps_done(), 340);
    std::filesystem::remove(path);
  }
}

TEST(Tsne, a_damaged_state_is_refused) {
  const Tensor v = clouds(30, 5, 3, 1, 18);
  const auto path = temporary("damaged");
  Tsne(v, options(5, 10)).save(path);
  std::ifstream file(path, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(file), {}};
  auto refused = [&](std::string bytes, const Tensor& of, const char* why) {
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      Tsne::resume(path, of);
      ADD_FAILURE() << why << ": accepted";
    } catch (const Error& e) { EXPECT_EQ(e.code(), Code::format) << why; }
  };
  refused("", v, "empty");
  refused("hello, this is not a state at all", v, "text");
  refused(good.substr(0, 17), v, "cut to the name");
  for (std::size_t size : {good.size() / 2, good.size() - 1}) refused(good.substr(0, size), v, "cut");
  std::string flipped = good;
  flipped[good.size() / 3] ^= 1;
  refused(flipped, v, "one bit");
  refused(good, clouds(30, 5, 3, 1, 19), "other vectors");
  std::filesystem::remove(path);
  EXPECT_THROW(Tsne::resume(path, v), Error);
}

TEST(Tsne, a_map_that_gets_no_better_ends) {
  TsneOptions o = options(5, 5000);
  o.stall = 1e-3;
  Tsne map(clouds(40, 6, 3, 1, 20), o);
  while (map.step()) {}
  EXPECT_LT(map.steps_done(), 5000);
  EXPECT_GE(map.steps_done(), 350);
  const double last = map.trace().back(), before = map.trace()[map.trace().size() - 2];
  EXPECT_LT(before - last, 1e-3 * before);
}

TEST(Place, a_vector_that_is_on_the_map_comes_to_its_twin) {
  const Tensor v = clouds(200, 8, 4, 0.6, 21);
  const Tensor map = tsne(v, options(12));
  Tensor added({3, 8});
  for (std::int64_t i = 0; i < 3; ++i) std::copy_n(v.row(10 + i).begin(), 8, added.row(i).begin());
  const Tensor placed = place(v, map, added);
  for (std::int64_t i = 0; i < 3; ++i) {
    int nearer = 0;
    auto away = [&](std::int64_t j) {
      return std::hypot(placed.row(i)[0] - map.row(j)[0], placed.row(i)[1] - map.row(j)[1]);
    };
    for (std::int64_t j = 0; j < 200; ++j) nearer += away(j) < away(10 + i);
    EXPECT_LT(nearer, 20) << i;  // within its cluster of 50, beside its twin
  }
}

}  // namespace
}  // namespace embscope
