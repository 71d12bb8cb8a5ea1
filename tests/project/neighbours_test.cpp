// Exact neighbours, held to a plain search of all pairs in double.
#include "embscope/project/neighbours.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>

#include "base/random.h"
#include "embscope/base/threads.h"

namespace embscope {
namespace {

// More rows than one tile has, not a multiple of it; an offset that all share, as in embedding matrices.
Tensor vectors_of(std::int64_t n, std::int64_t width, std::uint64_t seed) {
  Random random(seed);
  Tensor v({n, width});
  for (float& x : v.values()) x = static_cast<float>(random.normal() + 0.5);
  return v;
}

double score(std::span<const float> a, std::span<const float> b, const std::vector<double>& mean, Metric metric) {
  double ab = 0, aa = 0, bb = 0, square = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double x = a[k] - mean[k], y = b[k] - mean[k];
    ab += x * y, aa += x * x, bb += y * y, square += (x - y) * (x - y);
  }
  return metric == Metric::cosine ? ab / std::sqrt(aa * bb) : metric == Metric::dot ? ab : -std::sqrt(square);
}

std::vector<double> mean_of(const Tensor& v, bool wanted) {
  std::vector<double> mean(static_cast<std::size_t>(v.columns()));
  for (std::int64_t i = 0; wanted && i < v.rows(); ++i) {
    for (std::size_t k = 0; k < mean.size(); ++k)
      mean[k] += static_cast<double>(v.row(i)[k]) / static_cast<double>(v.rows());
  }
  return mean;
}

struct Case {
  Metric metric;
  bool centred;
};

class NeighboursBy : public ::testing::TestWithParam<Case> {};

// By a plain search in double; the mean is removed in fp32, as the options say.
void expect_plain_search(const Tensor& given, const NeighbourOptions& options, const Neighbours& found) {
  const auto mean = mean_of(given, options.centred), none = mean_of(given, false);
  Tensor v = given.clone();
  for (std::int64_t i = 0; i < v.rows(); ++i) {
    for (std::size_t k = 0; k < mean.size(); ++k)
      v.row(i)[k] = static_cast<float>(static_cast<double>(v.row(i)[k]) - mean[k]);
  }
  const auto k = static_cast<std::size_t>(options.k);
  for (std::int64_t i = 0; i < v.rows(); ++i) {
    std::vector<std::pair<double, std::int32_t>> all;
    for (std::int64_t j = 0; j < v.rows(); ++j) {
      if (j != i) all.emplace_back(-score(v.row(i), v.row(j), none, options.metric), static_cast<std::int32_t>(j));
    }
    std::partial_sort(all.begin(), all.begin() + options.k, all.end());
    for (std::size_t n = 0; n < k; ++n) {
      // Equal but for the rounding of double: sums in another order.
      const double of_found = -score(v.row(i), v.row(found.ids_of(i)[n]), none, options.metric);
      ASSERT_NEAR(of_found, all[n].first, 1e-13 * std::max(1.0, std::abs(all[n].first)))
          << "vector " << i << ", neighbour " << n;
      const double expected = options.metric == Metric::euclidean ? all[n].first : -all[n].first;
      ASSERT_NEAR(found.values_of(i)[n], expected, 1e-5 * std::max(1.0, std::abs(expected)));
    }
  }
}

TEST_P(NeighboursBy, are_those_of_a_plain_search) {
  const Tensor v = vectors_of(731, 13, 1);
  const NeighbourOptions options{7, GetParam().metric, GetParam().centred};
  const Neighbours found = nearest_neighbours(v, options);
  ASSERT_EQ(found.count, 731);
  expect_plain_search(v, options, found);
}

// Rows that differ by little more than the last bits of fp32, in clumps of hundreds: the product's error in fp32 is
// larger than what tells them apart, and no number of spare candidates is enough.
TEST_P(NeighboursBy, nearly_equal_vectors_are_told_apart) {
  Tensor v = vectors_of(700, 64, 7);
  Random random(8);
  for (std::int64_t i = 100; i < 700; ++i) {
    for (std::size_t k = 0; k < 64; ++k) v.row(i)[k] = v.row(i % 3)[k] * static_cast<float>(1 + 3e-7 * random.normal());
  }
  const NeighbourOptions options{7, GetParam().metric, GetParam().centred};
  const Neighbours found = nearest_neighbours(v, options);
  EXPECT_GT(found.searched_again, 100);  // else this proves nothing
  expect_plain_search(v, options, found);
}

TEST_P(NeighboursBy, of_one_vector_are_its_row_with_itself_first_where_it_must_be) {
  const Tensor v = vectors_of(300, 9, 2);
  const NeighbourOptions options{5, GetParam().metric, GetParam().centred};
  const Neighbours all = nearest_neighbours(v, options);
  NeighbourOptions one_more = options;
  one_more.k = 6;
  const Neighbours of_row = nearest_to(v.row(17), v, one_more);
  std::vector<std::int32_t> others(of_row.ids.begin(), of_row.ids.end());
  std::erase(others, 17);
  others.resize(5);
  EXPECT_TRUE(std::ranges::equal(others, all.ids_of(17)));
  if (options.metric == Metric::dot) return;  // a product may be larger with a longer vector
  EXPECT_EQ(of_row.ids[0], 17);
}

INSTANTIATE_TEST_SUITE_P(metric, NeighboursBy,
                         ::testing::Values(Case{Metric::cosine, false}, Case{Metric::cosine, true},
                                           Case{Metric::euclidean, false}, Case{Metric::dot, false},
                                           Case{Metric::dot, true}),
                         [](const auto& c) {
                           return std::string(name(c.param.metric)) + (c.param.centred ? "_centred" : "");
                         });

TEST(Neighbours, do_not_depend_on_the_number_of_threads) {
  const Tensor v = vectors_of(2500, 16, 3);
  const int before = threads();
  set_threads(1);
  const Neighbours one = nearest_neighbours(v, {20});
  set_threads(3);
  const Neighbours three = nearest_neighbours(v, {20});
  set_threads(before);
  EXPECT_EQ(one.ids, three.ids);
  EXPECT_EQ(one.values, three.values);
}

TEST(Neighbours, equal_vectors_come_by_their_index) {
  Tensor v = vectors_of(900, 8, 4);
  for (std::int64_t i = 300; i < 900; ++i) std::copy_n(v.row(299).begin(), 8, v.row(i).begin());  // a padded vocabulary
  for (Metric metric : {Metric::cosine, Metric::euclidean}) {
    const Neighbours found = nearest_neighbours(v, {3, metric});
    EXPECT_THAT(found.ids_of(299), ::testing::ElementsAre(300, 301, 302)) << name(metric);
    EXPECT_THAT(found.ids_of(300), ::testing::ElementsAre(299, 301, 302));
    EXPECT_THAT(found.ids_of(899), ::testing::ElementsAre(299, 300, 301));
    EXPECT_NEAR(found.values_of(899)[0], metric == Metric::cosine ? 1 : 0, 1e-6);
  }
}

TEST(Neighbours, near_points_far_from_the_origin_are_told_apart) {
  // fp32 products alone lose these distances: |v|^2 is 1e6, the distances are below 1.
  Tensor v({40, 4});
  for (std::int64_t i = 0; i < 40; ++i) {
    for (float& x : v.row(i)) x = 500;
    v.row(i)[0] += 0.01f * static_cast<float>(i);
  }
  const Neighbours found = nearest_neighbours(v, {2, Metric::euclidean});
  for (std::int64_t i = 1; i < 39; ++i)
    EXPECT_THAT(found.ids_of(i),
                ::testing::UnorderedElementsAre(static_cast<std::int32_t>(i - 1), static_cast<std::int32_t>(i + 1)));
}

TEST(Neighbours, of_vectors_that_are_apart_are_searched_once) {
  EXPECT_EQ(nearest_neighbours(vectors_of(3000, 64, 9), {5}).searched_again, 0);
}

void expect_refused(const Tensor& v, const NeighbourOptions& options, const std::string& says) {
  try {
    nearest_neighbours(v, options);
    ADD_FAILURE() << says << ": accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::range) << e.what();
    EXPECT_THAT(e.what(), ::testing::HasSubstr(says));
  }
}

TEST(Neighbours, what_has_none_is_refused_with_the_reason) {
  Tensor v = vectors_of(12, 3, 5);
  expect_refused(v, {12}, "choose 1 to 11");
  expect_refused(v, {0}, "choose 1 to 11");
  expect_refused(Tensor(), {1}, "at least 2");
  for (std::int64_t i : {4, 7}) std::fill(v.row(i).begin(), v.row(i).end(), 0.0f);
  expect_refused(v, {2}, "vector 4 is zero (and 1 more)");
  EXPECT_NO_THROW(nearest_neighbours(v, {2, Metric::euclidean}));
  v.row(3)[1] = NAN;
  expect_refused(v, {2, Metric::dot}, "vector 3 holds NaN");
  v.row(3)[1] = 1e30f;
  expect_refused(v, {2, Metric::dot}, "vector 3 has a length of 1e+30");
  v = vectors_of(12, 3, 5);
  std::fill(v.row(6).begin(), v.row(6).end(), 1e-39f);  // the reciprocal of its length is not an fp32 number
  expect_refused(v, {2}, "vector 6 has a length of 1.73e-39");
}

TEST(Neighbours, of_a_vector_need_one_of_the_same_width_with_a_direction) {
  const Tensor v = vectors_of(12, 3, 5);
  EXPECT_THROW(nearest_to(std::vector<float>{1, 2}, v, {2}), Error);
  EXPECT_THROW(nearest_to(std::vector<float>{0, 0, 0}, v, {2}), Error);
  EXPECT_NO_THROW(nearest_to(std::vector<float>{0, 0, 0}, v, {2, Metric::dot}));
}

TEST(Metric, has_one_of_three_names) {
  for (Metric m : {Metric::cosine, Metric::euclidean, Metric::dot}) EXPECT_EQ(metric_named(name(m)), m);
  EXPECT_THROW(metric_named("manhattan"), Error);
}

TEST(Neighbours, work_can_be_stopped) {
  try {
    nearest_neighbours(vectors_of(5000, 4, 6), {3}, [](double fraction, std::string_view) { return fraction > 0.5; });
    FAIL() << "not stopped";
  } catch (const Error& e) { EXPECT_EQ(e.code(), Code::cancelled); }
}

TEST(Neighbours, leave_out_vectors_of_zeros_when_asked_to) {
  Tensor v = vectors_of(40, 6, 3);
  for (std::int64_t row : {0, 17, 39}) std::ranges::fill(v.row(row), 0.0f);
  NeighbourOptions options{5};
  options.leave_out_zeros = true;
  const Neighbours found = nearest_neighbours(v, options);
  EXPECT_THAT(found.left_out, ::testing::ElementsAre(0, 17, 39));
  Tensor some({37, 6});
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < 40; ++i) {
    if (i == 0 || i == 17 || i == 39) continue;
    std::ranges::copy(v.row(i), some.row(static_cast<std::int64_t>(kept.size())).begin());
    kept.push_back(i);
  }
  const Neighbours without = nearest_neighbours(some, {5});
  for (std::int64_t i = 0; i < 37; ++i) {
    for (std::size_t n = 0; n < 5; ++n) {
      EXPECT_EQ(found.ids_of(kept[static_cast<std::size_t>(i)])[n],
                kept[static_cast<std::size_t>(without.ids_of(i)[n])]);
      EXPECT_EQ(found.values_of(kept[static_cast<std::size_t>(i)])[n], without.values_of(i)[n]);
    }
  }
  EXPECT_EQ(found.ids_of(17)[0], -1);
  EXPECT_TRUE(std::isnan(found.values_of(17)[4]));
  EXPECT_THROW(nearest_neighbours(v, {5}), Error) << "only when asked to";
  const Neighbours of_one = nearest_to(v.row(3), v, {100});
  EXPECT_EQ(of_one.ids.size(), 37);
  EXPECT_THAT(of_one.left_out, ::testing::ElementsAre(0, 17, 39));
  options.metric = Metric::euclidean;
  EXPECT_TRUE(nearest_neighbours(v, options).left_out.empty()) << "a distance needs no direction";
}

TEST(Neighbours, have_cosines_of_at_most_one) {
  Tensor v({300, 7});
  for (std::int64_t i = 0; i < v.rows(); ++i)
    for (std::size_t k = 0; k < 7; ++k)
      v.row(i)[k] = static_cast<float>((i % 2 == 0 ? 1 : -1) * (0.1 + 0.3 * static_cast<double>(k)) *
                                       (1 + static_cast<double>(i) / 7));
  for (const Neighbours& found : {nearest_neighbours(v, {8}), nearest_to(v.row(5), v, {300})}) {
    EXPECT_LE(*std::ranges::max_element(found.values), 1.0f);
    EXPECT_GE(*std::ranges::min_element(found.values), -1.0f);
  }
}

}  // namespace
}  // namespace embscope
