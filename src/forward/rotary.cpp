#include "forward/rotary.h"

#include <cmath>

#include "base/threads.h"
#include "kernels/vector.h"

namespace embscope {
namespace {

void rotate_pairs(float* x, const float* cosines, const float* sines, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = a * cosines[i] - b * sines[i];
    x[2 * i + 1] = b * cosines[i] + a * sines[i];
  }
}

}  // namespace

void Rotary::turn(float* row, std::int64_t heads, std::int64_t head_width, std::int64_t position, bool backward) const {
  const std::int64_t count = cosines.columns();
  const float *cosine = cosines.row(position).data(), *sine = sines.row(position).data();
  thread_local std::vector<float> back;
  if (backward) {
    back.assign(sine, sine + count);
    for (float& s : back) s = -s;
    sine = back.data();
  }
  for (std::int64_t h = 0; h < heads; ++h)
    pairs ? rotate_pairs(row + h * head_width, cosine, sine, count)
          : rotate_halves(row + h * head_width, cosine, sine, count);
}

Rotary rotary(const Rope& rope, std::int64_t positions) {
  const auto count = static_cast<std::int64_t>(rope.frequencies.size());
  Rotary r{Tensor::uninitialised({positions, count}), Tensor::uninitialised({positions, count}), rope.pairs};
  parallel_for(positions, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      for (std::int64_t i = 0; i < count; ++i) {
        const double angle = static_cast<double>(t) * rope.frequencies[static_cast<std::size_t>(i)];
        r.cosines.row(t)[static_cast<std::size_t>(i)] = static_cast<float>(rope.scale * std::cos(angle));
        r.sines.row(t)[static_cast<std::size_t>(i)] = static_cast<float>(rope.scale * std::sin(angle));
      }
    }
  });
  return r;
}

}  // namespace embscope
