#include "kernels/vector.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/every_target.h"

namespace embscope {
namespace {

std::vector<float> ramp(std::int64_t n, float low, float high) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i)
    v[static_cast<std::size_t>(i)] = low + (high - low) * static_cast<float>(i) / static_cast<float>(n);
  return v;
}

void expect_map(void (*f)(float*, std::int64_t), double (*reference)(double), double tolerance) {
  on_every_target([&](const char* target) {
    auto x = ramp(1003, -12, 12);
    const auto before = x;
    f(x.data(), static_cast<std::int64_t>(x.size()));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = reference(before[i]);
      ASSERT_NEAR(x[i], expected, tolerance * (1 + std::abs(expected))) << target << " at " << before[i];
    }
  });
}

TEST(Activations, equal_their_formulas) {
  expect_map(
      gelu_tanh, [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); },
      1e-6);
  expect_map(
      gelu_exact, [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2)); }, 1e-6);
  expect_map(
      silu, [](double x) { return x / (1 + std::exp(-x)); }, 1e-6);
  expect_map(
      relu, [](double x) { return x > 0 ? x : 0; }, 0);
}

TEST(Activations, exact_gelu_is_within_a_few_units_in_the_last_place_from_the_least_value_to_the_largest) {
  on_every_target([](const char* target) {
    auto x = ramp(20011, -0.5f, 6);
    x.insert(x.end(), {0.0f, -0.0f, 1e-30f, -1e-30f, 1e30f, -1e30f});
    auto y = x;
    gelu_exact(y.data(), static_cast<std::int64_t>(y.size()));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = x[i], expected = 0.5 * v * std::erfc(-v / std::sqrt(2));
      ASSERT_LE(std::abs(y[i] - expected), 4e-7 * std::abs(expected)) << target << " at " << v;
    }
    float odd[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()};
    gelu_exact(odd, 2);
    EXPECT_TRUE(std::isnan(odd[0])) << target;
    EXPECT_EQ(odd[1], std::numeric_limits<float>::infinity()) << target;
  });
}

TEST(Activations, an_element_has_the_same_bits_wherever_it_lies) {
  on_every_target([](const char* target) {
    auto whole = ramp(37, -3, 3);
    const auto before = whole;
    gelu_tanh(whole.data(), 37);
    for (std::size_t i = 0; i < before.size(); ++i) {
      float one = before[i];
      gelu_tanh(&one, 1);
      ASSERT_EQ(one, whole[i]) << target << " " << i;
    }
  });
}

TEST(Softmax, sums_to_one_and_survives_huge_values) {
  on_every_target([](const char* target) {
    std::vector<float> x{1e30f, 1e30f, -1e30f, 0};
    softmax(x.data(), 4);
    EXPECT_EQ(x, (std::vector<float>{0.5f, 0.5f, 0, 0})) << target;
    auto y = ramp(77, -5, 5);
    const auto before = y;
    softmax(y.data(), 77);
    double sum = 0, reference = 0;
    for (float v : before) reference += std::exp(static_cast<double>(v));
    for (std::size_t i = 0; i < y.size(); ++i) {
      sum += y[i];
      ASSERT_NEAR(y[i], std::exp(static_cast<double>(before[i])) / reference, 1e-6) << target;
    }
    EXPECT_NEAR(sum, 1, 1e-6) << target;
  });
}

TEST(Softmax, ignores_what_lies_beside_the_row) {
  auto padded = ramp(64, -2, 2);
  auto alone = std::vector<float>(padded.begin(), padded.begin() + 21);
  softmax(padded.data(), 21);
  softmax(alone.data(), 21);
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), padded.begin()));
  EXPECT_EQ(padded[21], ramp(64, -2, 2)[21]);
}

TEST(Norm, scale_is_the_root_of_the_mean_square) {
  const std::vector<float> x{3, -3, 3, -3, 5};
  EXPECT_FLOAT_EQ(norm_scale(x.data(), 0, 4, 0), 3);
  EXPECT_FLOAT_EQ(norm_scale(x.data(), 1, 4, 0), std::sqrt(10.0f));
  EXPECT_FLOAT_EQ(static_cast<float>(mean(x.data(), 5)), 1);
  float out[2];
  normalise(x.data(), 1, 2, 2, out);
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[1], -2);
  const float gain[] = {2, 3}, bias[] = {10, 20};
  gain_bias(out, gain, bias, 2, out);
  EXPECT_EQ(out[0], 12);
  EXPECT_EQ(out[1], 14);
}

TEST(Rotary, turns_pairs_by_their_angles_and_keeps_lengths) {
  float x[] = {1, 2, 0, 1};
  const float cosines[] = {0, 1}, sines[] = {1, 0};
  rotate_halves(x, cosines, sines, 2);
  EXPECT_EQ(x[0], 0);
  EXPECT_EQ(x[1], 2);
  EXPECT_EQ(x[2], 1);
  EXPECT_EQ(x[3], 1);
}

TEST(Finite, finds_what_is_no_number) {
  std::vector<float> x(40, 1e38f);
  EXPECT_TRUE(all_finite(x.data(), 40));
  x[39] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(all_finite(x.data(), 40));
  x[39] = -std::numeric_limits<float>::infinity();
  EXPECT_FALSE(all_finite(x.data(), 40));
}

}  // namespace
}  // namespace embscope
