// A matrix turned over, for files that are compiled for every instruction set: hence the guard, which is Highway's
// idiom.
#if defined(EMBSCOPE_KERNELS_TRANSPOSE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef EMBSCOPE_KERNELS_TRANSPOSE_INL_H
#undef EMBSCOPE_KERNELS_TRANSPOSE_INL_H
#else
#define EMBSCOPE_KERNELS_TRANSPOSE_INL_H
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// to[c][r] = from[r][c] for rows and columns that are multiples of 4.
inline void transpose(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, float* to,
                      std::int64_t to_stride) {
#if HWY_TARGET == HWY_SCALAR
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) to[c * to_stride + r] = from[r * from_stride + c];
  }
#else
  const hn::FixedTag<float, 4> d;
  for (std::int64_t r = 0; r < rows; r += 4) {
    for (std::int64_t c = 0; c < columns; c += 4) {
      const float* x = from + r * from_stride + c;
      float* y = to + c * to_stride + r;
      const auto r0 = hn::LoadU(d, x), r1 = hn::LoadU(d, x + from_stride), r2 = hn::LoadU(d, x + 2 * from_stride),
                 r3 = hn::LoadU(d, x + 3 * from_stride);
      const auto low02 = hn::InterleaveLower(d, r0, r2), low13 = hn::InterleaveLower(d, r1, r3);
      const auto high02 = hn::InterleaveUpper(d, r0, r2), high13 = hn::InterleaveUpper(d, r1, r3);
      hn::StoreU(hn::InterleaveLower(d, low02, low13), d, y);
      hn::StoreU(hn::InterleaveUpper(d, low02, low13), d, y + to_stride);
      hn::StoreU(hn::InterleaveLower(d, high02, high13), d, y + 2 * to_stride);
      hn::StoreU(hn::InterleaveUpper(d, high02, high13), d, y + 3 * to_stride);
    }
  }
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#endif
