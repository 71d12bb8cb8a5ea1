// Moments, eigenvalues and singular values, against their definitions.
#include "kernels/eigen.h"

#include <cmath>

#include <gmock/gmock.h>

#include "base/random.h"
#include "embscope/base/threads.h"

namespace embscope {
namespace {

Matrix64 random_matrix(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  Random random(seed);
  Matrix64 m(rows, columns);
  for (double& x : m.values) x = random.normal();
  return m;
}

double difference(const Matrix64& a, const Matrix64& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) worst = std::max(worst, std::abs(a.values[i] - b.values[i]));
  return worst;
}

Matrix64 identity(std::int64_t n) {
  Matrix64 m(n, n);
  for (std::int64_t i = 0; i < n; ++i) m.row(i)[i] = 1;
  return m;
}

Matrix64 diagonal(const std::vector<double>& values) {
  Matrix64 m(static_cast<std::int64_t>(values.size()), static_cast<std::int64_t>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) m.row(static_cast<std::int64_t>(i))[i] = values[i];
  return m;
}

TEST(Moments, AreTheSumsOfProductsForAnyNumberOfThreads) {
  for (const auto& [rows, x_width, y_width] : {std::tuple{1, 1, 1}, {3, 5, 2}, {300, 17, 33}, {257, 64, 8}}) {
    Random random(5);
    std::vector<float> x(static_cast<std::size_t>(rows * x_width)), y(static_cast<std::size_t>(rows * y_width));
    for (float& v : x) v = static_cast<float>(random.normal());
    for (float& v : y) v = static_cast<float>(random.normal());
    std::vector<double> shift(static_cast<std::size_t>(x_width), 0.25);
    const int before = threads();
    set_threads(1);
    const Matrix64 one = moments(x.data(), x_width, shift.data(), y.data(), y_width, nullptr, rows);
    set_threads(3);
    const Matrix64 three = moments(x.data(), x_width, shift.data(), y.data(), y_width, nullptr, rows);
    set_threads(before);
    EXPECT_EQ(one.values, three.values);
    for (int i = 0; i < x_width; ++i) {
      for (int j = 0; j < y_width; ++j) {
        double sum = 0;
        for (int r = 0; r < rows; ++r)
          sum += (double{x[static_cast<std::size_t>(r * x_width + i)]} - 0.25) *
                 double{y[static_cast<std::size_t>(r * y_width + j)]};
        EXPECT_NEAR(one.row(i)[j], sum, 1e-12 * rows);
      }
    }
  }
}

TEST(Product, IsTheMatrixProduct) {
  const Matrix64 a = random_matrix(5, 140, 1), b = random_matrix(140, 3, 2), c = product(a, b);
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < 140; ++k) sum += a.row(i)[k] * b.row(k)[j];
      EXPECT_NEAR(c.row(i)[j], sum, 1e-12);
    }
  }
}

TEST(SymmetricEigen, KnownMatrices) {
  Matrix64 two(2, 2);
  two.values = {2, 1, 1, 2};
  const Eigen known = symmetric_eigen(two);
  EXPECT_NEAR(known.values[0], 3, 1e-15);
  EXPECT_NEAR(known.values[1], 1, 1e-15);
  EXPECT_NEAR(std::abs(known.vectors.row(0)[0]), std::sqrt(0.5), 1e-15);
  EXPECT_EQ(symmetric_eigen(diagonal({1, 5, 3})).values, (std::vector<double>{5, 3, 1}));
  EXPECT_EQ(symmetric_eigen(Matrix64(4, 4)).values, std::vector<double>(4, 0.0));
  EXPECT_EQ(symmetric_eigen(diagonal({7})).values, std::vector<double>{7});
}

TEST(SymmetricEigen, RebuildsTheMatrixFromOrthonormalVectors) {
  for (std::int64_t n : {2, 3, 10, 65, 150}) {
    const Matrix64 half = random_matrix(n, n / 2 + 1, 3),
                   a = product(half, transpose(half));  // half of the values are zero
    const Eigen eigen = symmetric_eigen(a);
    EXPECT_TRUE(std::ranges::is_sorted(eigen.values, std::greater<>()));
    EXPECT_LT(difference(product(eigen.vectors, transpose(eigen.vectors)), identity(n)), 1e-12);
    const Matrix64 rebuilt = product(product(transpose(eigen.vectors), diagonal(eigen.values)), eigen.vectors);
    EXPECT_LT(difference(rebuilt, a), 1e-12 * eigen.values[0]);
  }
}

TEST(SymmetricEigen, OfLowRankWithOneLargeDirection) {
  Matrix64 rows =
      random_matrix(20, 200, 4);  // fewer vectors than dimensions, one direction a thousand times the others
  for (std::int64_t i = 0; i < 20; ++i) rows.row(i)[7] += 1000;
  const Matrix64 a = product(transpose(rows), rows);
  const Eigen eigen = symmetric_eigen(a);
  EXPECT_GT(eigen.values[0], 1e7);
  EXPECT_GT(eigen.values[19], 1);
  for (std::size_t i = 20; i < 200; ++i) EXPECT_NEAR(eigen.values[i], 0, 1e-13 * eigen.values[0]);
}

TEST(SymmetricEigen, NotANumberEndsWithAnError) {
  Matrix64 a = identity(3);
  a.row(2)[0] = std::nan("");
  try {
    const Eigen eigen = symmetric_eigen(a);
    EXPECT_TRUE(std::isnan(eigen.values[0]) || std::isnan(eigen.values[1]) || std::isnan(eigen.values[2]));
  } catch (const std::exception&) {}
}

TEST(Svd, RebuildsTheMatrixAlsoWithoutFullRank) {
  for (const auto& [n, k, rank] : {std::tuple{4, 4, 4}, {20, 7, 7}, {7, 20, 7}, {30, 30, 5}, {3, 1, 1}, {5, 5, 0}}) {
    const Matrix64 m = rank == 0 ? Matrix64(n, k) : product(random_matrix(n, rank, 7), random_matrix(rank, k, 8));
    const Svd s = svd(m);
    ASSERT_EQ(s.values.size(), static_cast<std::size_t>(std::min(n, k)));
    EXPECT_TRUE(std::ranges::is_sorted(s.values, std::greater<>()));
    const std::int64_t least = std::min(n, k);
    EXPECT_LT(difference(product(s.left, transpose(s.left)), identity(least)), 1e-12);
    EXPECT_LT(difference(product(s.right, transpose(s.right)), identity(least)), 1e-12);
    const Matrix64 rebuilt = product(product(transpose(s.left), diagonal(s.values)), s.right);
    EXPECT_LT(difference(rebuilt, m), 1e-13 * (s.values[0] + 1) * 10);
    for (int i = rank; i < least; ++i) EXPECT_LT(s.values[static_cast<std::size_t>(i)], 1e-13 * (s.values[0] + 1));
  }
}

TEST(Svd, SmallSingularValuesKeepTheirAccuracy) {
  const Matrix64 left = symmetric_eigen(product(random_matrix(6, 6, 1), transpose(random_matrix(6, 6, 1)))).vectors;
  const std::vector<double> values = {1, 1e-3, 1e-6, 1e-9, 1e-11, 1e-12};
  const Svd s = svd(product(transpose(left), diagonal(values)));  // columns scaled: relative accuracy is possible
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(s.values[i] / values[i], 1, 1e-10) << i;
}

}  // namespace
}  // namespace embscope
