#include "forward/rotary.h"

#include <cmath>

#include "base/threads.h"

namespace embscope {

Rotary rotary(const Config& config, std::int64_t positions) {
  const std::int64_t half = config.head_width / 2;
  Rotary r{Tensor::uninitialised({positions, half}), Tensor::uninitialised({positions, half})};
  parallel_for(positions, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      for (std::int64_t i = 0; i < half; ++i) {
        const double angle = static_cast<double>(t) * config.rope_frequencies[static_cast<std::size_t>(i)];
        r.cosines.row(t)[static_cast<std::size_t>(i)] = static_cast<float>(std::cos(angle));
        r.sines.row(t)[static_cast<std::size_t>(i)] = static_cast<float>(std::sin(angle));
      }
    }
  });
  return r;
}

}  // namespace embscope
