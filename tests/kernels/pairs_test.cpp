#include "kernels/pairs.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "kernels/every_target.h"
#include "kernels/narrow.h"

namespace embscope {
namespace {

std::vector<float> normals(std::size_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> v(n);
  for (float& x : v) x = static_cast<float>(random.normal());
  return v;
}

TEST(Pairs, every_pair_is_met_once) {
  const std::int64_t n = 1100, width = 5;
  const auto x = normals(static_cast<std::size_t>(n * width), 1);
  std::vector<int> met(static_cast<std::size_t>(n * n));
  for_pairs(
      n, width,
      [&](std::int64_t first, std::int64_t count, float* out) {
        std::copy_n(x.data() + first * width, count * width, out);
      },
      [&](const PairTile& tile) {
        for (std::int64_t i = 0; i < tile.rows; ++i) {
          for (std::int64_t j = tile.begin(i); j < tile.columns; ++j) {
            const std::int64_t a = tile.first_row + i, b = tile.first_column + j;
            ++met[static_cast<std::size_t>(a * n + b)];
            double expected = 0;
            for (std::int64_t k = 0; k < width; ++k)
              expected += static_cast<double>(x[static_cast<std::size_t>(a * width + k)]) *
                          static_cast<double>(x[static_cast<std::size_t>(b * width + k)]);
            if (std::abs(tile.values[i * tile.stride + j] - expected) > 1e-5)
              met[static_cast<std::size_t>(a * n + b)] = -99;
          }
        }
      },
      {}, "pairs");
  for (std::int64_t a = 0; a < n; ++a) {
    for (std::int64_t b = 0; b < n; ++b) ASSERT_EQ(met[static_cast<std::size_t>(a * n + b)], a < b) << a << ", " << b;
  }
}

TEST(Pairs, what_is_found_is_at_least_the_bound) {
  on_every_target([](const char* target) {
    for (std::size_t n : {0u, 1u, 15u, 16u, 67u, 448u}) {
      const auto x = normals(n, n), bounds = normals(n, n + 1);
      std::vector<std::int32_t> found(n + 16), expected;
      for (std::size_t i = 0; i < n; ++i) {
        if (x[i] >= bounds[i]) expected.push_back(static_cast<std::int32_t>(i));
      }
      found.resize(
          static_cast<std::size_t>(find_at_least(x.data(), bounds.data(), static_cast<std::int64_t>(n), found.data())));
      EXPECT_EQ(found, expected) << target << ", " << n;
      if (n == 0) continue;
      found.assign(n + 16, 0);  // a bound that is met exactly
      found.resize(
          static_cast<std::size_t>(find_at_least(x.data(), x[n / 2], static_cast<std::int64_t>(n), found.data())));
      EXPECT_EQ(found.size(),
                static_cast<std::size_t>(std::count_if(x.begin(), x.end(), [&](float v) { return v >= x[n / 2]; })));
    }
  });
}

TEST(Pairs, cosines_are_counted_in_the_bin_that_holds_them) {
  Random random(3);
  std::vector<float> x(1501);
  for (float& v : x) v = static_cast<float>(2 * random.uniform() - 1);
  x[0] = 1, x[1] = -1, x[2] = 1.0000001f, x[3] = 0, x[4] = -1.5f, x[5] = -0.0f;
  on_every_target([&](const char* target) {
    for (std::size_t bins : {2u, 40u, 333u}) {
      std::vector<std::int64_t> counts(2 * bins), expected(bins);
      std::int64_t positive = 0, expected_positive = 0;
      double sum = 0;
      for (float v : x) {
        const double c = std::clamp(static_cast<double>(v), -1.0, 1.0);
        sum += c, expected_positive += c > 0;
        ++expected[std::min(bins - 1, static_cast<std::size_t>((c + 1) / 2 * static_cast<double>(bins)))];
      }
      EXPECT_NEAR(count_cosines(x.data(), 1501, static_cast<std::int64_t>(bins), counts.data(), positive), sum, 1e-9);
      EXPECT_EQ(positive, expected_positive) << target;
      for (std::size_t b = 0; b < bins; ++b)
        EXPECT_EQ(counts[b] + counts[bins + b], expected[b]) << target << ", bin " << b;
    }
  });
}

TEST(Pairs, products_and_distances_in_double_have_the_same_bits_everywhere) {
  const auto a = normals(579, 4), b = normals(579, 5);
  double product = 0, square = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double x = static_cast<double>(a[k]), y = static_cast<double>(b[k]);
    product += x * y, square += (x - y) * (x - y);
  }
  const double first = product_in_double(a.data(), b.data(), 579);
  EXPECT_NEAR(first, product, 1e-11);
  EXPECT_NEAR(square_distance_in_double(a.data(), b.data(), 579), square, 1e-10);
  on_every_target([&](const char* target) {
    const std::string_view name = target;
    if (name == "SSE2" || name == "SSSE3" || name == "SSE4") return;  // without fused multiply-add
    EXPECT_EQ(product_in_double(a.data(), b.data(), 579), first) << target;
  });
}

TEST(Narrow, products_are_those_of_the_definition) {
  const std::int64_t rows = 9, width = 21, columns = 16;
  const auto x = normals(static_cast<std::size_t>(rows * width), 6);
  Random random(7);
  std::vector<double> mean(21), b(21 * 16);
  for (double& v : mean) v = random.normal();
  for (double& v : b) v = random.normal();
  on_every_target([&](const char* target) {
    std::vector<double> y(9 * 16), z(21 * 16, 1.0);
    narrow_product(x.data(), rows, width, mean.data(), b.data(), columns, y.data());
    narrow_transposed(x.data(), rows, width, mean.data(), y.data(), columns, z.data());
    auto at = [&](std::int64_t r, std::int64_t k) {
      return static_cast<double>(x[static_cast<std::size_t>(r * width + k)]) - mean[static_cast<std::size_t>(k)];
    };
    for (std::int64_t c = 0; c < columns; ++c) {
      for (std::int64_t r = 0; r < rows; ++r) {
        double sum = 0;
        for (std::int64_t k = 0; k < width; ++k) sum += at(r, k) * b[static_cast<std::size_t>(k * columns + c)];
        ASSERT_NEAR(y[static_cast<std::size_t>(r * columns + c)], sum, 1e-12) << target;
      }
      for (std::int64_t k = 0; k < width; ++k) {
        double sum = 1;
        for (std::int64_t r = 0; r < rows; ++r) sum += at(r, k) * y[static_cast<std::size_t>(r * columns + c)];
        ASSERT_NEAR(z[static_cast<std::size_t>(k * columns + c)], sum, 1e-11) << target;
      }
    }
  });
}

}  // namespace
}  // namespace embscope
