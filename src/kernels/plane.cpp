#include "kernels/plane.h"

#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/plane.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
//
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Lanes>;

// Sums run over 16 fixed stripes, added in order: the same whatever the instruction set's width.
float total(const float* stripes) {
  float sum = 0;
  for (std::int64_t s = 0; s < weight_step; ++s) sum += stripes[s];
  return sum;
}

// The places of 16 indices beside each other: eight bytes at a time is faster than a gather.
HWY_INLINE void collect(const float* points, const std::int32_t* index, float* places) {
  for (std::int64_t s = 0; s < weight_step; ++s)
    std::memcpy(places + 2 * s, points + 2 * static_cast<std::int64_t>(index[s]), 8);
}

Pull attract(const float* HWY_RESTRICT points, const float* HWY_RESTRICT at, const std::int32_t* HWY_RESTRICT index,
             const float* HWY_RESTRICT p, std::int64_t count) {
  const Lanes d;
  constexpr auto lanes = static_cast<std::int64_t>(hn::MaxLanes(d));
  constexpr std::int64_t vectors = weight_step / lanes;
  const Vec x = hn::Set(d, at[0]), y = hn::Set(d, at[1]), one = hn::Set(d, 1.0f);
  Vec sum_x[vectors], sum_y[vectors];
  for (std::int64_t v = 0; v < vectors; ++v) sum_x[v] = sum_y[v] = hn::Zero(d);
  HWY_ALIGN float places[2 * weight_step];
  for (std::int64_t j = 0; j < count; j += weight_step) {
    collect(points, index + j, places);
    for (std::int64_t v = 0; v < vectors; ++v) {
      Vec px, py;
      hn::LoadInterleaved2(d, places + 2 * v * lanes, px, py);
      const Vec dx = hn::Sub(x, px), dy = hn::Sub(y, py);
      const Vec pull = hn::Div(hn::LoadU(d, p + j + v * lanes), hn::MulAdd(dy, dy, hn::MulAdd(dx, dx, one)));
      sum_x[v] = hn::MulAdd(pull, dx, sum_x[v]);
      sum_y[v] = hn::MulAdd(pull, dy, sum_y[v]);
    }
  }
  HWY_ALIGN float each_x[weight_step], each_y[weight_step];
  for (std::int64_t v = 0; v < vectors; ++v) {
    hn::Store(sum_x[v], d, each_x + v * lanes);
    hn::Store(sum_y[v], d, each_y + v * lanes);
  }
  return {total(each_x), total(each_y)};
}

double logs(const float* HWY_RESTRICT points, const float* HWY_RESTRICT at, const std::int32_t* HWY_RESTRICT index,
            const float* HWY_RESTRICT p, std::int64_t count) {
  const Lanes d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const Vec x = hn::Set(d, at[0]), y = hn::Set(d, at[1]), one = hn::Set(d, 1.0f);
  HWY_ALIGN float places[2 * weight_step], each[weight_step];
  double sum = 0;
  for (std::int64_t j = 0; j < count; j += weight_step) {
    collect(points, index + j, places);
    for (std::int64_t v = 0; v < weight_step; v += lanes) {
      Vec px, py;
      hn::LoadInterleaved2(d, places + 2 * v, px, py);
      const Vec dx = hn::Sub(x, px), dy = hn::Sub(y, py);
      const Vec log = hn::Log(d, hn::MulAdd(dy, dy, hn::MulAdd(dx, dx, one)));
      hn::Store(hn::Mul(hn::LoadU(d, p + j + v), log), d, each + v);
    }
    for (float e : each) sum += static_cast<double>(e);
  }
  return sum;
}

Push repel(const float* HWY_RESTRICT x, const float* HWY_RESTRICT y, std::int64_t count, float at_x, float at_y) {
  const Lanes d;
  constexpr auto lanes = static_cast<std::int64_t>(hn::MaxLanes(d));
  constexpr std::int64_t vectors = weight_step / lanes;
  const Vec ax = hn::Set(d, at_x), ay = hn::Set(d, at_y), one = hn::Set(d, 1.0f);
  Vec sum_x[vectors], sum_y[vectors], sum_w[vectors];
  for (std::int64_t v = 0; v < vectors; ++v) sum_x[v] = sum_y[v] = sum_w[v] = hn::Zero(d);
  for (std::int64_t j = 0; j < count; j += weight_step) {
    for (std::int64_t v = 0; v < vectors; ++v) {
      const Vec dx = hn::Sub(ax, hn::LoadU(d, x + j + v * lanes)), dy = hn::Sub(ay, hn::LoadU(d, y + j + v * lanes));
      const Vec w = hn::Div(one, hn::MulAdd(dy, dy, hn::MulAdd(dx, dx, one)));
      const Vec square = hn::Mul(w, w);
      sum_w[v] = hn::Add(sum_w[v], w);
      sum_x[v] = hn::MulAdd(square, dx, sum_x[v]);
      sum_y[v] = hn::MulAdd(square, dy, sum_y[v]);
    }
  }
  HWY_ALIGN float each[3][weight_step];
  for (std::int64_t v = 0; v < vectors; ++v) {
    hn::Store(sum_x[v], d, each[0] + v * lanes);
    hn::Store(sum_y[v], d, each[1] + v * lanes);
    hn::Store(sum_w[v], d, each[2] + v * lanes);
  }
  double sum = 0;
  for (float w : each[2]) sum += static_cast<double>(w);
  return {total(each[0]), total(each[1]), sum};
}

ExpSums exps(const float* HWY_RESTRICT distances, std::int64_t count, float nearest, float beta,
             float* HWY_RESTRICT p) {
  const Lanes d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  ExpSums out{};
  HWY_ALIGN float away[weight_step], each[weight_step];
  for (std::int64_t j = 0; j < count; j += weight_step) {
    const std::int64_t held = count - j < weight_step ? count - j : weight_step;
    for (std::int64_t s = 0; s < weight_step; ++s) away[s] = s < held ? distances[j + s] - nearest : 0;
    for (std::int64_t v = 0; v < weight_step; v += lanes)
      hn::Store(hn::Exp(d, hn::Mul(hn::Load(d, away + v), hn::Set(d, -beta))), d, each + v);
    for (std::int64_t s = 0; s < held; ++s) {
      const double e = static_cast<double>(p[j + s] = each[s]), a = static_cast<double>(away[s]);
      out.sum += e, out.first += e * a, out.second += e * a * a;
    }
  }
  return out;
}

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embscope {
HWY_EXPORT(attract);
HWY_EXPORT(logs);
HWY_EXPORT(repel);
HWY_EXPORT(exps);

Pull attraction(const float* points, const float* at, const std::int32_t* index, const float* p, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(attract)(points, at, index, p, count);
}

double log_distances(const float* points, const float* at, const std::int32_t* index, const float* p,
                     std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(logs)(points, at, index, p, count);
}

Push repulsion(const float* x, const float* y, std::int64_t count, float at_x, float at_y) {
  return HWY_DYNAMIC_DISPATCH(repel)(x, y, (count + weight_step - 1) / weight_step * weight_step, at_x, at_y);
}

ExpSums exp_sums(const float* d, std::int64_t count, float nearest, float beta, float* p) {
  return HWY_DYNAMIC_DISPATCH(exps)(d, count, nearest, beta, p);
}

namespace {

// Lagrange's weights of the nodes -1, 0, 1, 2 at 0 <= t < 1.
struct Weights {
  float w[4];
  explicit Weights(float t) {
    const float a = t + 1, b = t - 1, c = t - 2;
    w[0] = t * b * c * (-1.0f / 6);
    w[1] = a * b * c * 0.5f;
    w[2] = a * t * c * -0.5f;
    w[3] = a * t * b * (1.0f / 6);
  }
};

}  // namespace

void spread(float u, float v, float* grid, std::int64_t stride) {
  const auto column = static_cast<std::int64_t>(u), row = static_cast<std::int64_t>(v);
  const Weights across(u - static_cast<float>(column)), down(v - static_cast<float>(row));
  float* at = grid + (row - 1) * stride + column - 1;
  for (int r = 0; r < 4; ++r, at += stride) {
    for (int c = 0; c < 4; ++c) at[c] += down.w[r] * across.w[c];
  }
}

void interpolate(float u, float v, const float* field_x, const float* field_y, std::int64_t stride, float* out_x,
                 float* out_y) {
  const auto column = static_cast<std::int64_t>(u), row = static_cast<std::int64_t>(v);
  const Weights across(u - static_cast<float>(column)), down(v - static_cast<float>(row));
  const std::int64_t first = (row - 1) * stride + column - 1;
  float sum_x[4] = {}, sum_y[4] = {};
  for (int r = 0; r < 4; ++r) {
    for (int c = 0; c < 4; ++c) {
      sum_x[c] += down.w[r] * field_x[first + r * stride + c];
      sum_y[c] += down.w[r] * field_y[first + r * stride + c];
    }
  }
  *out_x = *out_y = 0;
  for (int c = 0; c < 4; ++c) *out_x += across.w[c] * sum_x[c], *out_y += across.w[c] * sum_y[c];
}

}  // namespace embscope
#endif
