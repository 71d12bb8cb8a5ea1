#include "embscope/kernels/simd.h"

#include <hwy/highway.h>
#include <hwy/targets.h>

#include "embscope/base/error.h"

namespace embscope {
namespace {

// All targets of this machine, whatever has been forced since.
const std::vector<std::int64_t>& all() {
  static const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  return targets;
}

// Highway's targets are bits, the better the lower.
bool has_fused_multiply_add(std::int64_t target) {
#if HWY_ARCH_X86
  return target <= HWY_AVX2;
#else
  return target <= HWY_NEON;
#endif
}

}  // namespace

std::vector<SimdTarget> simd_targets() {
  const auto& targets = all();
  const std::int64_t used = hwy::SupportedAndGeneratedTargets().front();
  std::vector<SimdTarget> list;
  list.reserve(targets.size());
  for (const std::int64_t target : targets)
    list.push_back({hwy::TargetName(target), has_fused_multiply_add(target), target == used});
  return list;
}

void set_simd(std::string_view name) {
  std::string names;
  for (const std::int64_t target : all()) {
    if (name == hwy::TargetName(target)) return hwy::SetSupportedTargetsForTest(target);
    names += (names.empty() ? "" : ", ") + std::string(hwy::TargetName(target));
  }
  throw Error(Code::usage, "simd", "no instruction set '" + std::string(name) + "' here: there are " + names);
}

}  // namespace embscope
