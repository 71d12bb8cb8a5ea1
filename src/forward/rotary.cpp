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
  for (std::int64_t h = 0; h < heads; ++h) {
    float* turned = row + h * head_width + first;
    pairs ? rotate_pairs(turned, cosine, sine, count) : rotate_halves(turned, cosine, sine, count);
  }
}

float query_growth(const Config& config, std::int64_t position) {
  const auto runs = static_cast<double>((position + config.growth_first) / config.growth_span);
  return static_cast<float>(1 + config.growth * std::log1p(runs));
}

Rotary rotary(const Rope& rope, std::int64_t positions) {
  const auto count = static_cast<std::int64_t>(rope.frequencies.size());
  Rotary r{Tensor::uninitialised({positions, count}), Tensor::uninitialised({positions, count}), rope.pairs,
           rope.first};
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
