// Random numbers are part of a picture's and a sample's identity: they never change.
#include "base/random.h"

#include <cmath>

#include <gtest/gtest.h>

namespace embscope {
namespace {

TEST(Random, gives_the_numbers_of_the_published_generators) {
  // Computed from the authors' C code of SplitMix64 and xoshiro256++ (prng.di.unimi.it).
  Random zero(0), one(1), answer(42);
  for (std::uint64_t expected : {0x53175d61490b23dfu, 0x61da6f3dc380d507u, 0x5c0fdf91ec9a7bfcu, 0x02eebf8c3bbe5e1au})
    EXPECT_EQ(zero.next(), expected);
  for (std::uint64_t expected : {0xcfc5d07f6f03c29bu, 0xbf424132963fe08du, 0x19a37d5757aaf520u, 0xbf08119f05cd56d6u})
    EXPECT_EQ(one.next(), expected);
  for (std::uint64_t expected : {0xd0764d4f4476689fu, 0x519e4174576f3791u, 0xfbe07cfb0c24ed8cu, 0xb37d9f600cd835b8u})
    EXPECT_EQ(answer.next(), expected);
}

TEST(Random, uniform_numbers_take_the_53_upper_bits) {
  Random random(1);
  EXPECT_EQ(random.uniform(), 0.8116121588818848);
  EXPECT_EQ(random.uniform(), 0.7471047161582187);
}

TEST(Random, uniform_numbers_fill_zero_to_one_evenly) {
  Random random(7);
  int tenths[10] = {};
  for (int i = 0; i < 100000; ++i) {
    const double x = random.uniform();
    ASSERT_GE(x, 0);
    ASSERT_LT(x, 1);
    ++tenths[static_cast<int>(x * 10)];
  }
  for (int count : tenths) EXPECT_NEAR(count, 10000, 475);  // five standard deviations of a binomial
}

TEST(Random, normal_numbers_have_the_moments_of_the_bell) {
  Random random(3);
  const int n = 200000;
  double moments[5] = {};
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    ASSERT_TRUE(std::isfinite(x));
    for (int m = 1; m <= 4; ++m) moments[m] += std::pow(x, m) / n;
  }
  // five standard errors of each: 1, 2, 15 and 96 are the variances of x, x^2, x^3 and x^4
  EXPECT_NEAR(moments[1], 0, 5 * std::sqrt(1.0 / n));
  EXPECT_NEAR(moments[2], 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(moments[3], 0, 5 * std::sqrt(15.0 / n));
  EXPECT_NEAR(moments[4], 3, 5 * std::sqrt(96.0 / n));
}

TEST(Random, the_first_normal_number_of_a_seed_is_fixed) {
  Random random(1);
  EXPECT_NEAR(random.normal(), -0.03323709594059198, 1e-15);
}

}  // namespace
}  // namespace embscope
