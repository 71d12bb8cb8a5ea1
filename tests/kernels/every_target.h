// Every instruction set that this machine has, one after the other.
#pragma once

#include <cstdint>

#include <hwy/targets.h>

namespace embscope {

/// Calls body(name of the set) with the kernels dispatched to that set.
template <class F>
void on_every_target(F&& body) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    body(hwy::TargetName(target));
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace embscope
