// Points in clusters, as maps should show them.
#pragma once

#include "base/random.h"
#include "embscope/tensor/tensor.h"

namespace embscope {

/// Points around `clusters` far corners, one after the other.
inline Tensor clouds(std::int64_t n, std::int64_t width, int clusters, double spread, std::uint64_t seed) {
  Random random(seed);
  Tensor v({n, width});
  for (std::int64_t i = 0; i < n; ++i) {
    for (float& x : v.row(i)) x = static_cast<float>(spread * random.normal());
    v.row(i)[static_cast<std::size_t>(i % clusters)] += 5;
  }
  return v;
}

}  // namespace embscope
