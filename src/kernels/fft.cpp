#include "kernels/fft.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "base/threads.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fft.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
//
#include "hwy/highway.h"
#include "kernels/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Lanes>;

struct Complex {
  Vec re, im;
};

HWY_INLINE Complex load(const float* re, const float* im, std::int64_t at) {
  return {hn::LoadU(Lanes(), re + at), hn::LoadU(Lanes(), im + at)};
}
HWY_INLINE void store(Complex v, float* re, float* im, std::int64_t at) {
  hn::StoreU(v.re, Lanes(), re + at);
  hn::StoreU(v.im, Lanes(), im + at);
}
HWY_INLINE Complex add(Complex a, Complex b) { return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)}; }
HWY_INLINE Complex sub(Complex a, Complex b) { return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)}; }
HWY_INLINE Complex times(Complex a, const float* w) {
  const Vec re = hn::Set(Lanes(), w[0]), im = hn::Set(Lanes(), w[1]);
  return {hn::NegMulAdd(a.im, im, hn::Mul(a.re, re)), hn::MulAdd(a.im, re, hn::Mul(a.re, im))};
}

// One pass of Stockham's autosort: the transforms of `length` become `radix` interleaved ones of length / radix.
void pass4(const Fft::Pass& pass, const float* xr, const float* xi, float* yr, float* yi) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Lanes()));
  const std::int64_t m = pass.length / 4, run = pass.stride * Fft::abreast;
  for (std::int64_t p = 0; p < m; ++p) {
    const float* w = pass.twiddles.data() + p * 6;
    for (std::int64_t t = 0; t < run; t += lanes) {
      const std::int64_t from = p * run + t, to = 4 * p * run + t;
      const Complex a = load(xr, xi, from), b = load(xr, xi, from + m * run), c = load(xr, xi, from + 2 * m * run),
                    e = load(xr, xi, from + 3 * m * run);
      const Complex ac = add(a, c), a_c = sub(a, c), be = add(b, e), b_e = sub(b, e);
      const Complex turned = {b_e.im, hn::Neg(b_e.re)};  // -i (b - e)
      store(add(ac, be), yr, yi, to);
      store(times(add(a_c, turned), w), yr, yi, to + run);
      store(times(sub(ac, be), w + 2), yr, yi, to + 2 * run);
      store(times(sub(a_c, turned), w + 4), yr, yi, to + 3 * run);
    }
  }
}

void pass3(const Fft::Pass& pass, const float* xr, const float* xi, float* yr, float* yi) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Lanes()));
  const std::int64_t m = pass.length / 3, run = pass.stride * Fft::abreast;
  const Vec half = hn::Set(Lanes(), 0.5f), root = hn::Set(Lanes(), 0.8660254037844386f);  // sqrt(3) / 2
  for (std::int64_t p = 0; p < m; ++p) {
    const float* w = pass.twiddles.data() + p * 4;
    for (std::int64_t t = 0; t < run; t += lanes) {
      const std::int64_t from = p * run + t, to = 3 * p * run + t;
      const Complex a = load(xr, xi, from), b = load(xr, xi, from + m * run), c = load(xr, xi, from + 2 * m * run);
      const Complex both = add(b, c), off = sub(b, c);
      const Complex middle = {hn::NegMulAdd(half, both.re, a.re), hn::NegMulAdd(half, both.im, a.im)};
      const Complex turned = {hn::Mul(root, off.im), hn::Neg(hn::Mul(root, off.re))};  // -i sqrt(3)/2 (b - c)
      store(add(a, both), yr, yi, to);
      store(times(add(middle, turned), w), yr, yi, to + run);
      store(times(sub(middle, turned), w + 2), yr, yi, to + 2 * run);
    }
  }
}

void pass2(const Fft::Pass& pass, const float* xr, const float* xi, float* yr, float* yi) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Lanes()));
  const std::int64_t m = pass.length / 2, run = pass.stride * Fft::abreast;
  for (std::int64_t p = 0; p < m; ++p) {
    for (std::int64_t t = 0; t < run; t += lanes) {
      const Complex a = load(xr, xi, p * run + t), b = load(xr, xi, (p + m) * run + t);
      store(add(a, b), yr, yi, 2 * p * run + t);
      store(times(sub(a, b), pass.twiddles.data() + p * 2), yr, yi, (2 * p + 1) * run + t);
    }
  }
}

void run_pass(const Fft::Pass& pass, const float* xr, const float* xi, float* yr, float* yi) {
  (pass.radix == 4 ? pass4 : pass.radix == 3 ? pass3 : pass2)(pass, xr, xi, yr, yi);
}

// x *= odd; returns sum |x|^2 even. x [n][16] in two parts, odd [n][2][16], even [n][16].
double multiply_spectrum(float* re, float* im, const float* odd, const float* even, std::int64_t n) {
  const Lanes d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  HWY_ALIGN float sums[Fft::abreast];
  double total = 0;
  for (std::int64_t block = 0; block < n; block += 16) {  // short sums in fp32, their total in double
    const std::int64_t end = std::min(n, block + 16);
    for (std::int64_t t = 0; t < Fft::abreast; t += lanes) {
      Vec sum = hn::Zero(d);
      for (std::int64_t k = block; k < end; ++k) {
        const std::int64_t at = k * Fft::abreast + t;
        const Complex x = load(re, im, at);
        const Complex w = {hn::LoadU(d, odd + 2 * k * Fft::abreast + t),
                           hn::LoadU(d, odd + (2 * k + 1) * Fft::abreast + t)};
        const Vec square = hn::MulAdd(x.re, x.re, hn::Mul(x.im, x.im));
        sum = hn::MulAdd(square, hn::LoadU(d, even + at), sum);
        store({hn::NegMulAdd(x.im, w.im, hn::Mul(x.re, w.re)), hn::MulAdd(x.im, w.re, hn::Mul(x.re, w.im))}, re, im,
              at);
      }
      hn::Store(sum, d, sums + t);
    }
    for (float sum : sums) total += static_cast<double>(sum);
  }
  return total;
}

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embscope {
HWY_EXPORT(run_pass);
HWY_EXPORT(transpose);
HWY_EXPORT(multiply_spectrum);

namespace {

constexpr std::int64_t abreast = Fft::abreast;

// Room for 16 sequences of length n and the passes between: re, im, scratch.
float* strip_of(std::int64_t n) {
  thread_local std::vector<float> strip;
  strip.resize(std::max(strip.size(), static_cast<std::size_t>(4 * n * abreast)));
  return strip.data();
}

}  // namespace

std::int64_t fft_size(std::int64_t least) {
  std::int64_t best = 16;
  while (best < least) best *= 2;
  for (std::int64_t threes = 3; threes < best; threes *= 3) {
    std::int64_t size = 16 * threes;
    while (size < least) size *= 2;
    best = std::min(best, size);
  }
  return best;
}

Fft::Fft(std::int64_t n) : n_(n) {
  for (std::int64_t length = n, stride = 1; length > 1;) {
    const std::int64_t radix = length % 4 == 0 ? 4 : length % 3 == 0 ? 3 : 2;
    Pass pass{radix, length, stride, {}};
    for (std::int64_t p = 0; p < length / radix; ++p) {
      for (std::int64_t r = 1; r < radix; ++r) {
        const double angle = -2 * std::numbers::pi * static_cast<double>(p * r) / static_cast<double>(length);
        pass.twiddles.push_back(static_cast<float>(std::cos(angle)));
        pass.twiddles.push_back(static_cast<float>(std::sin(angle)));
      }
    }
    passes_.push_back(std::move(pass));
    length /= radix;
    stride *= radix;
  }
}

void Fft::transform(float* re, float* im, float* scratch) const {
  float *xr = re, *xi = im, *yr = scratch, *yi = scratch + n_ * abreast;
  for (const Pass& pass : passes_) {
    HWY_DYNAMIC_DISPATCH(run_pass)(pass, xr, xi, yr, yi);
    std::swap(xr, yr);
    std::swap(xi, yi);
  }
  if (xr == re) return;
  std::memcpy(re, xr, static_cast<std::size_t>(n_ * abreast) * sizeof(float));
  std::memcpy(im, xi, static_cast<std::size_t>(n_ * abreast) * sizeof(float));
}

PlaneConvolution::PlaneConvolution(std::int64_t side, const std::function<float(float, float)>& even,
                                   const std::function<std::array<float, 2>(float, float)>& odd)
    : side_(side), stride_((side + abreast - 1) / abreast * abreast), fft_(fft_size(2 * side)) {
  odd_ = spectrum(odd);
  const std::vector<float> both = spectrum([&](float dx, float dy) { return std::array<float, 2>{even(dx, dy), 0}; });
  even_.resize(both.size() / 2);  // the spectrum of an even kernel is real
  for (std::size_t k = 0; k < even_.size() / abreast; ++k)
    std::copy_n(both.data() + 2 * k * abreast, abreast, even_.data() + k * abreast);
}

// The transform of a kernel on the whole wrapped grid, in the order in which `middle` meets it.
std::vector<float> PlaneConvolution::spectrum(const std::function<std::array<float, 2>(float, float)>& kernel) const {
  const std::int64_t n = fft_.size();
  std::vector<float> re(static_cast<std::size_t>(n * n)), im = re, out(static_cast<std::size_t>(2 * n * n));
  auto displacement = [&](std::int64_t i) { return static_cast<float>(i < n / 2 ? i : i - n); };
  const float factor = 1 / (static_cast<float>(n) * static_cast<float>(n));
  run_chunks(n / abreast, [&](std::int64_t strip) {  // along y, transposed to [x][frequency of y]
    float *r = strip_of(n), *i = r + n * abreast;
    for (std::int64_t y = 0; y < n; ++y) {
      for (std::int64_t x = 0; x < abreast; ++x) {
        const auto [a, b] = kernel(displacement(strip * abreast + x), displacement(y));
        r[y * abreast + x] = factor * a, i[y * abreast + x] = factor * b;
      }
    }
    fft_.transform(r, i, i + n * abreast);
    HWY_DYNAMIC_DISPATCH(transpose)(r, abreast, n, abreast, re.data() + strip * abreast * n, n);
    HWY_DYNAMIC_DISPATCH(transpose)(i, abreast, n, abreast, im.data() + strip * abreast * n, n);
  });
  run_chunks(n / abreast, [&](std::int64_t strip) {  // along x
    float *r = strip_of(n), *i = r + n * abreast;
    for (std::int64_t x = 0; x < n; ++x) {
      std::copy_n(re.data() + x * n + strip * abreast, abreast, r + x * abreast);
      std::copy_n(im.data() + x * n + strip * abreast, abreast, i + x * abreast);
    }
    fft_.transform(r, i, i + n * abreast);
    float* to = out.data() + 2 * strip * abreast * n;
    for (std::int64_t k = 0; k < n; ++k) {
      std::copy_n(r + k * abreast, abreast, to + 2 * k * abreast);
      std::copy_n(i + k * abreast, abreast, to + (2 * k + 1) * abreast);
    }
  });
  return out;
}

// 16 frequencies of y: along x, times the spectra, and back. half [x < stride][frequency of y].
double PlaneConvolution::middle(std::int64_t strip, std::vector<float>& half_re, std::vector<float>& half_im) const {
  const std::int64_t n = fft_.size();
  float *r = strip_of(n), *i = r + n * abreast;
  for (std::int64_t x = 0; x < stride_; ++x) {
    std::copy_n(half_re.data() + x * n + strip * abreast, abreast, r + x * abreast);
    std::copy_n(half_im.data() + x * n + strip * abreast, abreast, i + x * abreast);
  }
  std::fill(r + stride_ * abreast, r + n * abreast, 0.0f);
  std::fill(i + stride_ * abreast, i + n * abreast, 0.0f);
  fft_.transform(r, i, i + n * abreast);
  const double sum = HWY_DYNAMIC_DISPATCH(multiply_spectrum)(r, i, odd_.data() + 2 * strip * abreast * n,
                                                             even_.data() + strip * abreast * n, n);
  fft_.transform(i, r, i + n * abreast);
  for (std::int64_t x = 0; x < stride_; ++x) {
    std::copy_n(r + x * abreast, abreast, half_re.data() + x * n + strip * abreast);
    std::copy_n(i + x * abreast, abreast, half_im.data() + x * n + strip * abreast);
  }
  return sum;
}

double PlaneConvolution::apply(const float* charges, float* x, float* y) const {
  const std::int64_t n = fft_.size(), strips = stride_ / abreast;
  std::vector<float> half_re(static_cast<std::size_t>(stride_ * n)), half_im(static_cast<std::size_t>(stride_ * n));
  run_chunks(strips, [&](std::int64_t strip) {  // along y, the rows beyond `side` being zero
    float *r = strip_of(n), *i = r + n * abreast;
    for (std::int64_t row = 0; row < side_; ++row)
      std::copy_n(charges + row * stride_ + strip * abreast, abreast, r + row * abreast);
    std::fill(r + side_ * abreast, r + n * abreast, 0.0f);
    std::fill(i, i + n * abreast, 0.0f);
    fft_.transform(r, i, i + n * abreast);
    HWY_DYNAMIC_DISPATCH(transpose)(r, abreast, n, abreast, half_re.data() + strip * abreast * n, n);
    HWY_DYNAMIC_DISPATCH(transpose)(i, abreast, n, abreast, half_im.data() + strip * abreast * n, n);
  });
  std::vector<double> sums(static_cast<std::size_t>(n / abreast));
  run_chunks(n / abreast,
             [&](std::int64_t strip) { sums[static_cast<std::size_t>(strip)] = middle(strip, half_re, half_im); });
  run_chunks(strips, [&](std::int64_t strip) {
    float *r = strip_of(n), *i = r + n * abreast;
    HWY_DYNAMIC_DISPATCH(transpose)(half_re.data() + strip * abreast * n, n, abreast, n, r, abreast);
    HWY_DYNAMIC_DISPATCH(transpose)(half_im.data() + strip * abreast * n, n, abreast, n, i, abreast);
    fft_.transform(i, r, i + n * abreast);
    for (std::int64_t row = 0; row < side_; ++row) {
      std::copy_n(r + row * abreast, abreast, x + row * stride_ + strip * abreast);
      std::copy_n(i + row * abreast, abreast, y + row * stride_ + strip * abreast);
    }
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

}  // namespace embscope
#endif
