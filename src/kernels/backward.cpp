#include "kernels/backward.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/vector.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/backward.cpp"
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
constexpr std::int64_t lanes = hn::MaxLanes(Lanes());
constexpr std::int64_t stripes = 16, vectors = stripes / lanes;

Vec load_some(const float* p, std::size_t count) {
  HWY_ALIGN float buffer[lanes] = {};
  std::memcpy(buffer, p, count * sizeof(float));
  return hn::Load(Lanes(), buffer);
}

void store_some(Vec x, float* p, std::size_t count) {
  HWY_ALIGN float buffer[lanes];
  hn::Store(x, Lanes(), buffer);
  std::memcpy(p, buffer, count * sizeof(float));
}

// body(i, load, store) for vectors of elements i.., the last of them partly filled: what is loaded beyond the end is 0,
// what is stored there is dropped.
template <class Body>
void for_vectors(std::int64_t n, Body&& body) {
  const Lanes d;
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    body(
        i, [&](const float* p) { return hn::LoadU(d, p + i); }, [&](Vec x, float* p) { hn::StoreU(x, d, p + i); });
  }
  if (i == n) return;
  const auto rest = static_cast<std::size_t>(n - i);
  body(
      i, [&](const float* p) { return load_some(p + i, rest); }, [&](Vec x, float* p) { store_some(x, p + i, rest); });
}

// Sums in 16 stripes, whatever the width of a vector, and then over the stripes in order.
class Stripes {
 public:
  Stripes() {
    for (Vec& sum : sums_) sum = hn::Zero(Lanes());
  }
  void add(std::int64_t i, Vec a, Vec b) { sums_[i / lanes % vectors] = hn::MulAdd(a, b, sums_[i / lanes % vectors]); }
  float total() const {
    HWY_ALIGN float stripe[stripes];
    for (std::int64_t v = 0; v < vectors; ++v) hn::Store(sums_[v], Lanes(), stripe + v * lanes);
    float total = 0;
    for (float s : stripe) total += s;
    return total;
  }

 private:
  Vec sums_[vectors];
};

void layer_norm_backward_lanes(const float* x, float mean, float scale, const float* gain, const float* dy,
                               std::int64_t n, float* dx, float* dgain, float* dbias) {
  const Lanes d;
  const Vec shift = hn::Set(d, mean), inverse = hn::Set(d, 1 / scale), one = hn::Set(d, 1.0f);
  Stripes sum, product;
  for_vectors(n, [&](std::int64_t i, auto load, auto store) {
    const Vec h = hn::Mul(hn::Sub(load(x), shift), inverse), out = load(dy), g = hn::Mul(out, load(gain));
    sum.add(i, g, one);
    product.add(i, g, h);
    store(hn::MulAdd(out, h, load(dgain)), dgain);
    store(hn::Add(load(dbias), out), dbias);
  });
  const Vec mean_g = hn::Set(d, sum.total() / static_cast<float>(n));
  const Vec mean_gh = hn::Set(d, product.total() / static_cast<float>(n));
  for_vectors(n, [&](std::int64_t, auto load, auto store) {
    const Vec h = hn::Mul(hn::Sub(load(x), shift), inverse), g = hn::Mul(load(dy), load(gain));
    store(hn::MulAdd(hn::Sub(hn::Sub(g, mean_g), hn::Mul(h, mean_gh)), inverse, load(dx)), dx);
  });
}

// With u = sqrt(2/pi) (x + 0.044715 x^3) and s = 1 / (1 + exp(-2u)) = (1 + tanh u) / 2: gelu' = s + 2 x s (1 - s) u'.
void gelu_tanh_backward_lanes(const float* x, float* dy, std::int64_t n) {
  const Lanes d;
  const Vec twice = hn::Set(d, 2 * 0.7978845608028654f), one = hn::Set(d, 1.0f), most = hn::Set(d, 100.0f);
  const Vec cubic = hn::Set(d, 0.044715f), slope = hn::Set(d, 3 * 0.044715f);
  for_vectors(n, [&](std::int64_t, auto load, auto store) {
    const Vec v = load(x), square = hn::Mul(v, v), scaled = hn::Mul(twice, v);
    const Vec power = hn::Min(hn::Neg(hn::Mul(scaled, hn::MulAdd(square, cubic, one))), most);
    const Vec s = hn::Div(one, hn::Add(one, hn::Exp(d, power)));
    const Vec change = hn::Mul(hn::Mul(scaled, hn::MulAdd(square, slope, one)), hn::Mul(s, hn::Sub(one, s)));
    store(hn::Mul(load(dy), hn::Add(s, change)), dy);
  });
}

// (x Phi(x))' = Phi(x) + x phi(x), of the normal distribution.
void gelu_exact_backward_lanes(const float* x, float* dy, std::int64_t n) {
  const Lanes d;
  const Vec half = hn::Set(d, 0.5f), one = hn::Set(d, 1.0f);
  for_vectors(n, [&](std::int64_t, auto load, auto store) {
    const Vec v = load(x), below = hn::Mul(half, hn::Add(one, erf(d, hn::Mul(v, hn::Set(d, 0.70710678118654752f)))));
    const Vec density = hn::Mul(hn::Set(d, 0.39894228040143268f), hn::Exp(d, hn::Mul(hn::Neg(hn::Mul(half, v)), v)));
    store(hn::Mul(load(dy), hn::MulAdd(v, density, below)), dy);
  });
}

// With s = 1 / (1 + exp(-x)): (x s)' = s (1 + x (1 - s)).
void silu_backward_lanes(const float* x, float* dy, std::int64_t n) {
  const Lanes d;
  const Vec one = hn::Set(d, 1.0f);
  for_vectors(n, [&](std::int64_t, auto load, auto store) {
    const Vec v = load(x), s = hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(v))));
    store(hn::Mul(load(dy), hn::Mul(s, hn::MulAdd(v, hn::Sub(one, s), one))), dy);
  });
}

void softmax_backward_lanes(const float* p, float* dp, std::int64_t n, float factor) {
  const Lanes d;
  Stripes product;
  for_vectors(n, [&](std::int64_t i, auto load, auto) { product.add(i, load(p), load(dp)); });
  const Vec sum = hn::Set(d, product.total()), f = hn::Set(d, factor);
  for_vectors(
      n, [&](std::int64_t, auto load, auto store) { store(hn::Mul(hn::Mul(load(p), hn::Sub(load(dp), sum)), f), dp); });
}

// Two vectors of columns at a time stay in registers.
void sum_rows_lanes(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns, float* out,
                    bool accumulate) {
  for_vectors(columns, [&](std::int64_t, auto load, auto store) {
    Vec sum = accumulate ? load(out) : hn::Zero(Lanes());
    for (std::int64_t r = 0; r < rows; ++r) sum = hn::Add(sum, load(x + r * stride));
    store(sum, out);
  });
}

// A 32-bit mix by Wellons ("lowbias32", https://nullprogram.com/blog/2018/07/31/), keyed before and between its rounds.
template <class D, class V>
V mixed(D d, V x, std::uint32_t low, std::uint32_t high) {
  x = hn::Xor(x, hn::Set(d, low));
  x = hn::Mul(hn::Xor(x, hn::ShiftRight<16>(x)), hn::Set(d, 0x7feb352du));
  x = hn::Xor(x, hn::Set(d, high));
  x = hn::Mul(hn::Xor(x, hn::ShiftRight<15>(x)), hn::Set(d, 0x846ca68bu));
  return hn::Xor(x, hn::ShiftRight<16>(x));
}

void dropout_lanes(float* x, std::int64_t n, std::uint32_t low, std::uint32_t high, std::uint32_t first, float rate) {
  const Lanes d;
  const hn::RebindToUnsigned<Lanes> u;
  const Vec kept = hn::Set(d, 1 / (1 - rate)), limit = hn::Set(d, rate), unit = hn::Set(d, 0x1p-24f);
  for_vectors(n, [&](std::int64_t i, auto load, auto store) {
    const auto number = hn::Iota(u, first + static_cast<std::uint32_t>(i));
    const auto bits = hn::ShiftRight<8>(mixed(u, number, low, high));
    const Vec uniform = hn::Mul(hn::ConvertTo(d, hn::BitCast(hn::RebindToSigned<Lanes>(), bits)), unit);
    store(hn::IfThenElseZero(hn::Ge(uniform, limit), hn::Mul(load(x), kept)), x);
  });
}

void adamw_lanes(float* p, float* m, float* v, const float* g, std::int64_t n, const AdamStep& s) {
  const Lanes d;
  const Vec beta1 = hn::Set(d, s.beta1), beta2 = hn::Set(d, s.beta2);
  const Vec rest1 = hn::Set(d, 1 - s.beta1), rest2 = hn::Set(d, 1 - s.beta2);
  const Vec keep = hn::Set(d, 1 - s.rate * s.decay), size = hn::Set(d, s.rate / s.correction1);
  const Vec root = hn::Set(d, std::sqrt(s.correction2)), epsilon = hn::Set(d, s.epsilon);
  const Vec factor = hn::Set(d, s.gradient_factor);
  for_vectors(n, [&](std::int64_t, auto load, auto store) {
    const Vec gradient = hn::Mul(load(g), factor);
    const Vec first = hn::MulAdd(gradient, rest1, hn::Mul(load(m), beta1));
    const Vec second = hn::MulAdd(hn::Mul(gradient, rest2), gradient, hn::Mul(load(v), beta2));
    const Vec denominator = hn::Add(hn::Div(hn::Sqrt(second), root), epsilon);
    store(first, m);
    store(second, v);
    store(hn::Sub(hn::Mul(load(p), keep), hn::Mul(size, hn::Div(first, denominator))), p);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embscope {
HWY_EXPORT(layer_norm_backward_lanes);
HWY_EXPORT(gelu_tanh_backward_lanes);
HWY_EXPORT(gelu_exact_backward_lanes);
HWY_EXPORT(silu_backward_lanes);
HWY_EXPORT(softmax_backward_lanes);
HWY_EXPORT(sum_rows_lanes);
HWY_EXPORT(dropout_lanes);
HWY_EXPORT(adamw_lanes);

void layer_norm_backward(const float* x, float mean, float scale, const float* gain, const float* dy, std::int64_t n,
                         float* dx, float* dgain, float* dbias) {
  HWY_DYNAMIC_DISPATCH(layer_norm_backward_lanes)(x, mean, scale, gain, dy, n, dx, dgain, dbias);
}

void gelu_tanh_backward(const float* x, float* dy, std::int64_t n) {
  HWY_DYNAMIC_DISPATCH(gelu_tanh_backward_lanes)(x, dy, n);
}

void gelu_exact_backward(const float* x, float* dy, std::int64_t n) {
  HWY_DYNAMIC_DISPATCH(gelu_exact_backward_lanes)(x, dy, n);
}

void silu_backward(const float* x, float* dy, std::int64_t n) { HWY_DYNAMIC_DISPATCH(silu_backward_lanes)(x, dy, n); }

void relu_backward(const float* x, float* dy, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) dy[i] = x[i] > 0 ? dy[i] : 0.0f;
}

void softmax_backward(const float* p, float* dp, std::int64_t n, float factor) {
  HWY_DYNAMIC_DISPATCH(softmax_backward_lanes)(p, dp, n, factor);
}

double cross_entropy(float* logits, std::int64_t n, std::int64_t target, float factor) {
  const std::int64_t best = std::max_element(logits, logits + n) - logits;
  const double below = static_cast<double>(logits[best]) - static_cast<double>(logits[target]);
  softmax(logits, n);
  const double loss = below - std::log(static_cast<double>(logits[best]));  // softmax[best] = 1 / sum exp(x - max)
  scale(logits, factor, n);
  logits[target] -= factor;
  return loss;
}

void sum_rows(const float* x, std::int64_t x_stride, std::int64_t rows, std::int64_t columns, float* out,
              bool accumulate) {
  HWY_DYNAMIC_DISPATCH(sum_rows_lanes)(x, x_stride, rows, columns, out, accumulate);
}

double squares(const float* x, std::int64_t n) {
  double sums[16] = {};
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) {  // a trip count that the compiler knows
    for (std::int64_t j = 0; j < 16; ++j) sums[j] += static_cast<double>(x[i + j]) * static_cast<double>(x[i + j]);
  }
  for (std::int64_t j = 0; i < n; ++i, ++j) sums[j] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

void dropout(float* x, std::int64_t n, Dropout dropout, std::uint64_t first) {
  if (dropout.rate <= 0) return;
  const std::uint64_t key = dropout.key + (first >> 32) * 0x9e3779b97f4a7c15;  // numbers beyond 32 bits change the key
  HWY_DYNAMIC_DISPATCH(dropout_lanes)
  (x, n, static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32), static_cast<std::uint32_t>(first),
   dropout.rate);
}

void adamw(float* p, float* m, float* v, const float* g, std::int64_t n, const AdamStep& step) {
  HWY_DYNAMIC_DISPATCH(adamw_lanes)(p, m, v, g, n, step);
}

}  // namespace embscope
#endif
