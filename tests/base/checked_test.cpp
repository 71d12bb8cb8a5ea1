#include "base/checked.h"

#include <limits>

#include <gtest/gtest.h>

namespace embscope {
namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

TEST(Checked, sums_fit_up_to_the_largest_number_and_not_beyond) {
  std::uint64_t sum = 0;
  EXPECT_TRUE(checked_add(most - 5, 5, sum));
  EXPECT_EQ(sum, most);
  EXPECT_TRUE(checked_add(0, most, sum));
  EXPECT_EQ(sum, most);
  EXPECT_FALSE(checked_add(most - 5, 6, sum));
  EXPECT_FALSE(checked_add(most, most, sum));
}

TEST(Checked, products_fit_up_to_the_largest_number_and_not_beyond) {
  const std::uint64_t half = std::uint64_t{1} << 32;
  std::uint64_t product = 0;
  EXPECT_TRUE(checked_multiply(half, half - 1, product));
  EXPECT_EQ(product, most - (half - 1));
  EXPECT_TRUE(checked_multiply(most, 1, product));
  EXPECT_EQ(product, most);
  EXPECT_TRUE(checked_multiply(most, 0, product));
  EXPECT_EQ(product, 0u);
  EXPECT_FALSE(checked_multiply(half, half, product));  // 2^64 wraps to 0: the trap of a plain product
  EXPECT_FALSE(checked_multiply(most, 2, product));
  // (2^64 - 1) = 3 * 0x5555555555555555
  EXPECT_TRUE(checked_multiply(0x5555555555555555, 3, product));
  EXPECT_FALSE(checked_multiply(0x5555555555555556, 3, product));
}

}  // namespace
}  // namespace embscope
