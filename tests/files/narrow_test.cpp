// Floats in 16 bits: the nearest there is, ties to even, as IEEE 754 and NumPy round.
#include "files/narrow.h"

#include <bit>
#include <cmath>

#include <gtest/gtest.h>

namespace embscope {
namespace {

float widened(std::uint16_t bits, DType dtype) {
  float value = 0;
  decode_rows({reinterpret_cast<const std::byte*>(&bits), dtype, {1}}, 0, 1, &value);
  return value;
}

// Every value of 16 bits comes back, and the middle between it and the next goes to the even one of the two.
void expect_nearest(std::uint16_t (*round)(float), DType dtype, std::uint16_t infinity) {
  for (std::uint16_t bits = 0; bits < infinity; ++bits) {
    const auto next = static_cast<std::uint16_t>(bits + 1), even = static_cast<std::uint16_t>(bits + (bits & 1));
    const float low = widened(bits, dtype);
    ASSERT_EQ(round(low), bits);
    ASSERT_EQ(round(-low), bits | 0x8000);
    if (next == infinity) break;
    const float high = widened(next, dtype), middle = low + (high - low) / 2;
    ASSERT_EQ(round(middle), even) << bits;
    ASSERT_EQ(round(std::nextafter(middle, high)), next) << bits;
    ASSERT_EQ(round(std::nextafter(middle, low)), bits) << bits;
  }
  EXPECT_EQ(round(INFINITY), infinity);
  EXPECT_EQ(round(-INFINITY), infinity | 0x8000);
  for (float nan : {std::bit_cast<float>(0x7f800001u), std::bit_cast<float>(0xffc00000u)})
    EXPECT_TRUE(std::isnan(widened(round(nan), dtype)));
}

TEST(Narrow, to_f16_is_the_nearest_for_every_value_and_every_middle) {
  expect_nearest(to_f16, DType::f16, 0x7c00);
  EXPECT_EQ(to_f16(65519.996f), 0x7bff);
  EXPECT_EQ(to_f16(65520), 0x7c00);
}

TEST(Narrow, to_bf16_is_the_nearest_for_every_value_and_every_middle) { expect_nearest(to_bf16, DType::bf16, 0x7f80); }

}  // namespace
}  // namespace embscope
