#include "kernels/vector.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/vector.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
//
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "kernels/erf-inl.h"

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Lanes>;

// (1 + tanh u) / 2 = 1 / (1 + exp(-2u)): one exponential in place of a tanh. Beyond 100 it is infinite, and gelu 0.
struct Gelu {
  Vec operator()(Lanes d, Vec x) const {
    const Vec inner = hn::MulAdd(hn::Mul(x, x), hn::Set(d, -2 * 0.7978845608028654f * 0.044715f),
                                 hn::Set(d, -2 * 0.7978845608028654f));
    const Vec power = hn::Min(hn::Mul(x, inner), hn::Set(d, 100.0f));
    return hn::Div(x, hn::Add(hn::Set(d, 1.0f), hn::Exp(d, power)));
  }
};

struct ExactGelu {
  Vec operator()(Lanes d, Vec x) const {
    const Vec above = erf(d, hn::Mul(x, hn::Set(d, 0.70710678118654752f)));
    return hn::Mul(hn::Mul(hn::Set(d, 0.5f), x), hn::Add(hn::Set(d, 1.0f), above));
  }
};

struct Silu {
  Vec operator()(Lanes d, Vec x) const { return hn::Div(x, hn::Add(hn::Set(d, 1.0f), hn::Exp(d, hn::Neg(x)))); }
};

struct ExpMinus {
  float shift;
  Vec operator()(Lanes d, Vec x) const { return hn::Exp(d, hn::Sub(x, hn::Set(d, shift))); }
};

struct Divide {
  float by;
  Vec operator()(Lanes d, Vec x) const { return hn::Div(x, hn::Set(d, by)); }
};

// The tail goes through the same lanes as the rest, so that an element's bits do not depend on its place.
template <class F>
void map(const float* x, std::int64_t n, float* y, F f) {
  const Lanes d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(f(d, hn::LoadU(d, x + i)), d, y + i);
  if (i == n) return;
  HWY_ALIGN float tail[16] = {};
  std::memcpy(tail, x + i, static_cast<std::size_t>(n - i) * sizeof(float));
  hn::Store(f(d, hn::Load(d, tail)), d, tail);
  std::memcpy(y + i, tail, static_cast<std::size_t>(n - i) * sizeof(float));
}

template <class F>
void map(float* x, std::int64_t n, F f) {
  map(x, n, x, f);
}

void gelu_tanh_lanes(const float* x, std::int64_t n, float* y) { map(x, n, y, Gelu()); }
void gelu_exact_lanes(float* x, std::int64_t n) { map(x, n, ExactGelu()); }
void silu_lanes(float* x, std::int64_t n) { map(x, n, Silu()); }

float max_lanes(const float* x, std::int64_t n) {
  const Lanes d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Vec most = hn::Set(d, x[0]);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) most = hn::Max(most, hn::LoadU(d, x + i));
  float result = hn::GetLane(hn::MaxOfLanes(d, most));
  for (; i < n; ++i) result = std::max(result, x[i]);
  return result;
}

// In 16 stripes and then over the stripes in order, whatever the width of a vector.
float striped_sum_lanes(const float* x, std::int64_t n) {
  const Lanes d;
  constexpr std::int64_t lanes = hn::MaxLanes(Lanes()), vectors = 16 / lanes;
  Vec sums[vectors];
  for (Vec& sum : sums) sum = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (std::int64_t v = 0; v < vectors; ++v) sums[v] = hn::Add(sums[v], hn::LoadU(d, x + i + v * lanes));
  }
  HWY_ALIGN float stripes[16];
  for (std::int64_t v = 0; v < vectors; ++v) hn::Store(sums[v], d, stripes + v * lanes);
  for (int s = 0; i < n; ++i, ++s) stripes[s] += x[i];
  float total = 0;
  for (float stripe : stripes) total += stripe;
  return total;
}

void softmax_lanes(float* x, std::int64_t n) {
  map(x, n, ExpMinus{max_lanes(x, n)});
  map(x, n, Divide{striped_sum_lanes(x, n)});
}

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embscope {
HWY_EXPORT(gelu_tanh_lanes);
HWY_EXPORT(gelu_exact_lanes);
HWY_EXPORT(silu_lanes);
HWY_EXPORT(softmax_lanes);

namespace {

constexpr int stripes = 16;

// Sum of term(i) over i in 16 stripes, then over the stripes in order.
template <class Number, class Term>
Number striped_sum(std::int64_t n, Term term) {
  Number sums[stripes] = {};
  std::int64_t i = 0;
  for (; i + stripes <= n; i += stripes) {
    for (int s = 0; s < stripes; ++s) sums[s] += term(i + s);
  }
  for (int s = 0; i < n; ++i, ++s) sums[s] += term(i);
  Number total = 0;
  for (Number sum : sums) total += sum;
  return total;
}

}  // namespace

void add(const float* a, const float* b, std::int64_t n, float* out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] + b[i];
}

double mean(const float* x, std::int64_t n) {
  return striped_sum<double>(n, [x](std::int64_t i) { return static_cast<double>(x[i]); }) / static_cast<double>(n);
}

float norm_scale(const float* x, float shift, std::int64_t n, float epsilon) {
  const double squares = striped_sum<double>(n, [x, shift](std::int64_t i) {
    const double centred = static_cast<double>(x[i]) - static_cast<double>(shift);
    return centred * centred;
  });
  return static_cast<float>(std::sqrt(squares / static_cast<double>(n) + static_cast<double>(epsilon)));
}

void normalise(const float* x, float shift, float scale, std::int64_t n, float* out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = (x[i] - shift) / scale;
}

void gain_bias(const float* x, const float* gain, const float* bias, std::int64_t n, float* out) {
  if (bias == nullptr) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = x[i] * gain[i];
  } else {
    for (std::int64_t i = 0; i < n; ++i) out[i] = x[i] * gain[i] + bias[i];
  }
}

void scale(float* x, float factor, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) x[i] *= factor;
}

void gelu_tanh(float* x, std::int64_t n) { gelu_tanh(x, n, x); }
void gelu_tanh(const float* x, std::int64_t n, float* y) { HWY_DYNAMIC_DISPATCH(gelu_tanh_lanes)(x, n, y); }
void gelu_exact(float* x, std::int64_t n) { HWY_DYNAMIC_DISPATCH(gelu_exact_lanes)(x, n); }
void silu(float* x, std::int64_t n) { HWY_DYNAMIC_DISPATCH(silu_lanes)(x, n); }

void relu(float* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = std::max(x[i], 0.0f);
}

void multiply(float* x, const float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) x[i] *= y[i];
}

void softmax(float* x, std::int64_t n) { HWY_DYNAMIC_DISPATCH(softmax_lanes)(x, n); }

void rotate_halves(float* x, const float* cosines, const float* sines, std::int64_t half) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float first = x[i], second = x[i + half];
    x[i] = first * cosines[i] - second * sines[i];
    x[i + half] = second * cosines[i] + first * sines[i];
  }
}

bool all_finite(const float* x, std::int64_t n) {
  std::uint32_t carried = 0;  // an exponent of ones, and no other, runs over into the sign when one is added to it
  for (std::int64_t i = 0; i < n; ++i) carried |= (std::bit_cast<std::uint32_t>(x[i]) & 0x7fffffff) + 0x00800000;
  return carried >> 31 == 0;
}

}  // namespace embscope
#endif
