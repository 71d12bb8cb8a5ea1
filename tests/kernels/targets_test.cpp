// Which instruction sets there are, held to what Highway's own library says on the same machine.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdint>

#include <hwy/highway.h>
#include <hwy/targets.h>

namespace {

TEST(Targets, AreThoseThatHighwaysLibraryFinds) {
  void* library = dlopen("libhwy.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) GTEST_SKIP() << "no libhwy.so.1 here";
  const auto theirs = reinterpret_cast<std::int64_t (*)()>(dlsym(library, "_ZN3hwy16SupportedTargetsEv"));
  ASSERT_NE(theirs, nullptr);
  hwy::SetSupportedTargetsForTest(0);  // whatever another test has forced
  constexpr std::int64_t ours = HWY_TARGETS & ~(HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128);  // CMakeLists.txt
  EXPECT_EQ(theirs() & ours, hwy::SupportedTargets() & ours);
  dlclose(library);
}

}  // namespace
