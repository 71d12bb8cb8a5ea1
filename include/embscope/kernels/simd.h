// The instruction sets that the arithmetic can use, and the function that selects one.
// Thread rule: set it before the work starts; it is a process-wide setting.
//
// All instruction sets with fused multiply-add (AVX2 and wider, NEON) give the same bits. Those without it (SSE2 to
// SSE4) round every product once more: their logits differ in the last digits.
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

/// The instruction sets that this processor has and the library was built for, widest first.
std::vector<SimdTarget> simd_targets();

/// Uses this instruction set from now on. Throws Error{usage} that lists the names.
void set_simd(std::string_view name);

}  // namespace embscope
