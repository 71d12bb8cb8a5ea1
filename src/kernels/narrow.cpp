#include "kernels/narrow.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/narrow.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
//
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::CappedTag<double, 8>;

void product(const float* HWY_RESTRICT x, std::int64_t rows, std::int64_t width, const double* HWY_RESTRICT mean,
             const double* HWY_RESTRICT b, std::int64_t columns, double* HWY_RESTRICT y) {
  const Doubles d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* row = x + r * width;
    for (std::int64_t c = 0; c < columns; c += lanes) {
      auto sum = hn::Zero(d);
      for (std::int64_t k = 0; k < width; ++k) {
        const auto value = hn::Set(d, static_cast<double>(row[k]) - mean[k]);
        sum = hn::MulAdd(value, hn::LoadU(d, b + k * columns + c), sum);
      }
      hn::StoreU(sum, d, y + r * columns + c);
    }
  }
}

void transposed(const float* HWY_RESTRICT x, std::int64_t rows, std::int64_t width, const double* HWY_RESTRICT mean,
                const double* HWY_RESTRICT y, std::int64_t columns, double* HWY_RESTRICT z) {
  const Doubles d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* row = x + r * width;
    for (std::int64_t c = 0; c < columns; c += lanes) {
      const auto along = hn::LoadU(d, y + r * columns + c);
      for (std::int64_t k = 0; k < width; ++k) {
        double* out = z + k * columns + c;
        const auto value = hn::Set(d, static_cast<double>(row[k]) - mean[k]);
        hn::StoreU(hn::MulAdd(value, along, hn::LoadU(d, out)), d, out);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embscope {
HWY_EXPORT(product);
HWY_EXPORT(transposed);

void narrow_product(const float* x, std::int64_t rows, std::int64_t width, const double* mean, const double* b,
                    std::int64_t columns, double* y) {
  HWY_DYNAMIC_DISPATCH(product)(x, rows, width, mean, b, columns, y);
}

void narrow_transposed(const float* x, std::int64_t rows, std::int64_t width, const double* mean, const double* y,
                       std::int64_t columns, double* z) {
  HWY_DYNAMIC_DISPATCH(transposed)(x, rows, width, mean, y, columns, z);
}

}  // namespace embscope
#endif
