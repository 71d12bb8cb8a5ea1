// Principal components, held to a direct eigen-solution of the covariance matrix by Jacobi's rotations.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "base/random.h"
#include "embscope/base/threads.h"
#include "embscope/project/projection.h"

namespace embscope {
namespace {

Tensor random_vectors(std::int64_t n, std::int64_t width, std::uint64_t seed) {
  Random random(seed);
  Tensor v({n, width});
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < width; ++k)  // every axis with its own spread and its own offset
      v.row(i)[static_cast<std::size_t>(k)] = static_cast<float>(random.normal() * std::pow(0.6, k) + 3 * std::sin(k));
  }
  return v;
}

struct Reference {
  std::vector<double> explained;            // share of the variance, largest first
  std::vector<std::vector<double>> scores;  // [component][point], the largest in size positive
};

using Square = std::vector<std::vector<double>>;

// Eigenvalues of a symmetric matrix on its diagonal; its eigenvectors in the columns of `vectors` (Jacobi 1846).
void diagonalise(Square& a, Square& vectors) {
  const std::size_t n = a.size();
  vectors.assign(n, std::vector<double>(n));
  for (std::size_t i = 0; i < n; ++i) vectors[i][i] = 1;
  for (int sweep = 0; sweep < 60; ++sweep) {
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        if (a[p][q] == 0) continue;
        const double angle = 0.5 * std::atan2(2 * a[p][q], a[q][q] - a[p][p]), c = std::cos(angle), s = std::sin(angle);
        auto turn = [&](double& x, double& y) {
          const double old = x;
          x = c * old - s * y;
          y = s * old + c * y;
        };
        for (std::size_t k = 0; k < n; ++k) turn(a[k][p], a[k][q]);
        for (std::size_t k = 0; k < n; ++k) turn(a[p][k], a[q][k]);
        for (std::size_t k = 0; k < n; ++k) turn(vectors[k][p], vectors[k][q]);
      }
    }
  }
}

Reference reference(const Tensor& v) {
  const auto n = static_cast<std::size_t>(v.rows()), width = static_cast<std::size_t>(v.columns());
  std::vector<std::vector<double>> x(n, std::vector<double>(width));
  for (std::size_t k = 0; k < width; ++k) {
    double mean = 0;
    for (std::size_t i = 0; i < n; ++i)
      mean += static_cast<double>(v.row(static_cast<std::int64_t>(i))[k]) / static_cast<double>(n);
    for (std::size_t i = 0; i < n; ++i) x[i][k] = static_cast<double>(v.row(static_cast<std::int64_t>(i))[k]) - mean;
  }
  Square covariance(width, std::vector<double>(width)), axes;
  for (std::size_t a = 0; a < width; ++a) {
    for (std::size_t b = 0; b < width; ++b) {
      for (std::size_t i = 0; i < n; ++i) covariance[a][b] += x[i][a] * x[i][b];
    }
  }
  diagonalise(covariance, axes);
  std::vector<std::size_t> order(width);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return covariance[a][a] > covariance[b][b]; });
  double variance = 0;
  for (std::size_t k = 0; k < width; ++k) variance += covariance[k][k];
  Reference out;
  for (std::size_t c : order) {
    out.explained.push_back(covariance[c][c] / variance);
    std::vector<double> score(n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < width; ++k) score[i] += x[i][k] * axes[k][c];
    }
    const double largest =
        *std::max_element(score.begin(), score.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
    for (double& s : score) s *= largest < 0 ? -1 : 1;
    out.scores.push_back(std::move(score));
  }
  return out;
}

void expect_components(const Tensor& vectors, int count, double tolerance) {
  std::vector<double> explained;
  const Tensor found = pca(vectors, count, &explained);
  const Reference expected = reference(vectors);
  ASSERT_EQ(found.shape(), (Shape{vectors.rows(), count}));
  ASSERT_EQ(explained.size(), static_cast<std::size_t>(count));
  for (std::size_t c = 0; c < explained.size(); ++c) {
    EXPECT_NEAR(explained[c], expected.explained[c], 1e-9) << "component " << c;
    for (std::int64_t i = 0; i < vectors.rows(); ++i)
      ASSERT_NEAR(found.row(i)[c], expected.scores[c][static_cast<std::size_t>(i)], tolerance)
          << "component " << c << ", point " << i;
  }
}

TEST(Pca, more_points_than_dimensions_equal_the_covariance_s_eigenvectors) {
  expect_components(random_vectors(40, 6, 1), 4, 1e-5);
}

TEST(Pca, more_dimensions_than_points_equal_the_covariance_s_eigenvectors) {
  expect_components(random_vectors(7, 23, 2), 3, 1e-5);
}

TEST(Pca, components_of_nearly_equal_variance_are_told_apart) {
  // Standard deviations 1, 0.999, 0.998: a map must show the axes themselves, not some rotation of them.
  const std::int64_t n = 61;  // odd: each cosine has one largest value, so that signs are fixed
  Tensor v({n, 3});
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < 3; ++k)  // cosines of different frequency are orthogonal over the whole period
      v.row(i)[static_cast<std::size_t>(k)] =
          static_cast<float>((1 - 0.001 * static_cast<double>(k)) *
                             std::cos(2 * M_PI * static_cast<double>((k + 1) * i) / static_cast<double>(n)));
  }
  expect_components(v, 2, 1e-3);
}

TEST(Pca, shares_of_all_components_are_the_whole_variance) {
  std::vector<double> explained;
  pca(random_vectors(30, 5, 3), 5, &explained);
  EXPECT_NEAR(std::accumulate(explained.begin(), explained.end(), 0.0), 1, 1e-9);
  EXPECT_TRUE(std::is_sorted(explained.rbegin(), explained.rend()));
}

TEST(Pca, points_of_a_line_have_one_component) {
  Tensor v({5, 3});
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::size_t k = 0; k < 3; ++k) v.row(i)[k] = 7 + static_cast<float>(i) * std::vector<float>{1, 2, 2}[k];
  }
  std::vector<double> explained;
  const Tensor found = pca(v, 2, &explained);
  EXPECT_NEAR(explained[0], 1, 1e-12);
  EXPECT_NEAR(explained[1], 0, 1e-12);
  for (std::int64_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(std::abs(found.row(i)[0]), 3 * std::abs(static_cast<double>(i) - 2), 1e-5);  // |(1, 2, 2)| = 3
    EXPECT_NEAR(found.row(i)[1], 0, 1e-5);
  }
}

TEST(Pca, constant_data_lies_on_one_point_and_explains_nothing) {
  for (const Shape& shape : {Shape{9, 4}, Shape{4, 9}}) {
    Tensor v(shape);
    std::fill(v.values().begin(), v.values().end(), 0.1f);
    std::vector<double> explained;
    const Tensor found = pca(v, 2, &explained);
    for (float x : found.values()) EXPECT_NEAR(x, 0, 1e-6);
    for (double share : explained) EXPECT_TRUE(share >= 0 && share <= 1) << share;
  }
}

TEST(Pca, threads_do_not_change_a_bit) {
  const Tensor v = random_vectors(70, 33, 4);
  const int before = threads();
  set_threads(1);
  const Tensor one = pca(v, 3);
  set_threads(3);
  const Tensor three = pca(v, 3);
  set_threads(before);
  EXPECT_TRUE(std::ranges::equal(one.values(), three.values()));
}

void expect_refused(const Tensor& v, int count) {
  try {
    pca(v, count);
    ADD_FAILURE() << v.shape().text() << ", " << count << " components: accepted";
  } catch (const Error& e) { EXPECT_EQ(e.code(), Code::range) << e.what(); }
}

TEST(Pca, what_has_no_components_is_refused) {
  expect_refused(random_vectors(1, 5, 5), 1);
  expect_refused(Tensor(), 1);
  for (int count : {-1, 0, 4}) expect_refused(random_vectors(3, 8, 5), count);
  expect_refused(random_vectors(8, 3, 5), 4);
  for (float bad : {NAN, INFINITY}) {
    Tensor v = random_vectors(4, 4, 5);
    v.row(2)[1] = bad;
    expect_refused(v, 2);
  }
}

}  // namespace
}  // namespace embscope
