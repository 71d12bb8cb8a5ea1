// What Highway's dispatch asks of its library, answered here: the library's own start-up measures the resolution of the
// clock, which takes 3 ms of a command that needs 10, and only these functions of it are used.
#include <hwy/highway.h>
#include <hwy/targets.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace hwy {
namespace {

std::int64_t forced = 0;  // by SetSupportedTargetsForTest; 0: what there is

// A target of Highway is a group of features: those that tell it from the one below on any processor ever sold.
std::int64_t detected() {
  std::int64_t targets = HWY_STATIC_TARGET | HWY_SCALAR | HWY_EMU128;
#if HWY_ARCH_X86
  __builtin_cpu_init();
  const auto add = [&](bool has, std::int64_t target) { return has && (targets |= target, true); };
  add(__builtin_cpu_supports("ssse3"), HWY_SSSE3) &&
      add(__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul"),
          HWY_SSE4) &&
      add(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"),
          HWY_AVX2) &&
      add(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512cd"),
          HWY_AVX3) &&
      add(__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("vpclmulqdq") &&
              __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
              __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512bitalg") &&
              __builtin_cpu_supports("gfni"),
          HWY_AVX3_DL);
#endif
  return targets;
}

}  // namespace

std::int64_t SupportedTargets() {
  static const std::int64_t there = detected();
  return forced != 0 ? forced : there;
}

void SetSupportedTargetsForTest(std::int64_t targets) {
  forced = targets;
  GetChosenTarget().DeInit();
}

ChosenTarget& GetChosenTarget() {
  static ChosenTarget chosen;
  return chosen;
}

void Abort(const char* file, int line, const char* format, ...) {
  std::fprintf(stderr, "%s:%d: ", file, line);
  va_list values;
  va_start(values, format);
  std::vfprintf(stderr, format, values);
  va_end(values);
  std::abort();
}

}  // namespace hwy
