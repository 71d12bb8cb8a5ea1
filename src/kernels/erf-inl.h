// The error function, for files that are compiled for every instruction set: hence the guard, which is Highway's idiom.
// The C library's has other last bits on each system.
#if defined(EMBSCOPE_KERNELS_ERF_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef EMBSCOPE_KERNELS_ERF_INL_H
#undef EMBSCOPE_KERNELS_ERF_INL_H
#else
#define EMBSCOPE_KERNELS_ERF_INL_H
#endif

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class V>
V polynomial(V, V sum) {
  return sum;
}
/// ((sum x + next) x + ...): the coefficients of the highest powers first.
template <class V, class... Floats>
V polynomial(V x, V sum, float next, Floats... rest) {
  return polynomial(x, hn::MulAdd(sum, x, hn::Set(hn::DFromV<V>(), next)), rest...);
}

/// Within 1.1 units in the last place. Below 0.93: x + x q(x^2); beyond: 1 - exp(-t + t r(t)) for t = |x| up to 4, from
/// where it is 1. q and r have the least largest error in erf.
template <class D, class V = hn::Vec<D>>
V erf(D d, V x) {
  const V square = hn::Mul(x, x), t = hn::Min(hn::Abs(x), hn::Set(d, 4.0f));
  const V q = polynomial(square, hn::Set(d, 8.31882789498195e-05f), -0.0008130505448207259f, 0.0051999506540596485f,
                         -0.02685895934700966f, 0.11283687502145767f, -0.37612631916999817f, 0.12837916612625122f);
  const V r = polynomial(t, hn::Set(d, -1.1874096344399732e-05f), 0.000329194706864655f, -0.0036682551726698875f,
                         0.023816194385290146f, -0.10629919916391373f, -0.6351139545440674f, -0.12865760922431946f);
  const V far = hn::Sub(hn::Set(d, 1.0f), hn::Exp(d, hn::MulAdd(r, t, hn::Neg(t))));
  return hn::IfThenElse(hn::Ge(t, hn::Set(d, 0.9296875f)), hn::CopySign(far, x), hn::MulAdd(q, x, x));
}

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#endif
