// Which instruction sets there are, and forcing one.
#include "embscope/kernels/simd.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "embscope/base/error.h"

namespace embscope {
namespace {

TEST(Simd, lists_the_targets_of_which_the_widest_is_in_use_until_another_is_asked_for) {
  const auto targets = simd_targets();
  ASSERT_FALSE(targets.empty());
  EXPECT_TRUE(targets.front().in_use);
  for (const SimdTarget& wanted : targets) {
    set_simd(wanted.name);
    const auto now = simd_targets();
    ASSERT_EQ(now.size(), targets.size());
    for (const SimdTarget& target : now) EXPECT_EQ(target.in_use, target.name == wanted.name);
  }
  set_simd(targets.front().name);
  EXPECT_TRUE(simd_targets().front().in_use);
}

TEST(Simd, an_unknown_one_is_refused_with_those_that_there_are) {
  try {
    set_simd("AVX9");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::usage);
    EXPECT_NE(std::string(error.what()).find(simd_targets().front().name), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace embscope
