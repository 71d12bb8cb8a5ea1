// The instruction sets that the arithmetic can run on: ask which there are, and force one.
// Thread rule: set it before the work starts; it is a process-wide setting.
//
// All that have fused multiply-add (AVX2 and wider, NEON) give the same bits. Those without (SSE2 to SSE4) round every
// product once more: their logits differ in the last places.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace embscope {

struct SimdTarget {
  std::string name;  ///< "AVX3_ZEN4", "AVX3", "AVX2", "SSE4", ...
  bool fused;        ///< has fused multiply-add
  bool in_use;
};

/// Those that this processor has and the library was built for, widest first.
std::vector<SimdTarget> simd_targets();

/// Runs everything from now on with this one. Throws Error{usage} with the names there are.
void set_simd(std::string_view name);

}  // namespace embscope
