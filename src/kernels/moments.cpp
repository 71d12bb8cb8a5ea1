#include "kernels/moments.h"

#include <algorithm>

#include "base/threads.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/moments.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
//
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::CappedTag<double, 8>;

// out [8, columns] += a [depth, 8] transposed times b [depth, b_stride]; columns a multiple of the lanes.
void add_strip_lanes(const double* a, std::int64_t a_stride, const double* b, std::int64_t b_stride, std::int64_t depth,
                     std::int64_t columns, double* out, std::int64_t out_stride) {
  const Wide d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t j = 0; j < columns; j += lanes) {
    hn::Vec<Wide> s[8];
    for (int i = 0; i < 8; ++i) s[i] = hn::LoadU(d, out + i * out_stride + j);
    for (std::int64_t r = 0; r < depth; ++r) {
      const auto y = hn::LoadU(d, b + r * b_stride + j);
      const double* x = a + r * a_stride;
      for (int i = 0; i < 8; ++i) s[i] = hn::MulAdd(hn::Set(d, x[i]), y, s[i]);
    }
    for (int i = 0; i < 8; ++i) hn::StoreU(s[i], d, out + i * out_stride + j);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embscope {
namespace {

HWY_EXPORT(add_strip_lanes);

constexpr std::int64_t depth_at_once = 512, rows_in_cache = 64,
                       step = 8;  // step: outputs side by side, and the most lanes

std::int64_t rounded(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

// Rows [first, first + count) less the shift, as doubles, padded with zeros to whole steps.
void widen(const float* x, std::int64_t width, const double* shift, std::int64_t first, std::int64_t count,
           Matrix64& out) {
  for (std::int64_t r = 0; r < count; ++r) {
    const float* row = x + (first + r) * width;
    for (std::int64_t k = 0; k < width; ++k)
      out.row(r)[k] = static_cast<double>(row[k]) - (shift == nullptr ? 0 : shift[k]);
  }
}

// out += a^T b for a [depth, *], b [depth, *] padded to steps of 8. Each part of the strips goes through b a few rows
// at a time, which then stay in the cache.
void add_product(const Matrix64& a, const Matrix64& b, std::int64_t depth, Matrix64& out) {
  const std::int64_t strips = out.rows / step;
  parallel_for(strips, (strips + 7) / 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = 0; r < depth; r += rows_in_cache) {
      for (std::int64_t s = begin; s < end; ++s) {
        HWY_DYNAMIC_DISPATCH(add_strip_lanes)
        (a.row(r) + s * step, a.columns, b.row(r), b.columns, std::min(rows_in_cache, depth - r), out.columns,
         out.row(s * step), out.columns);
      }
    }
  });
}

Matrix64 cut(const Matrix64& padded, std::int64_t rows, std::int64_t columns) {
  Matrix64 out(rows, columns);
  for (std::int64_t i = 0; i < rows; ++i) std::copy_n(padded.row(i), columns, out.row(i));
  return out;
}

}  // namespace

Matrix64 moments(const float* x, std::int64_t x_width, const double* x_shift, const float* y, std::int64_t y_width,
                 const double* y_shift, std::int64_t rows) {
  Matrix64 out(rounded(x_width, step), rounded(y_width, step));
  Matrix64 a(depth_at_once, out.rows), b(depth_at_once, out.columns);
  for (std::int64_t first = 0; first < rows; first += depth_at_once) {
    const std::int64_t count = std::min(depth_at_once, rows - first);
    widen(x, x_width, x_shift, first, count, a);
    widen(y, y_width, y_shift, first, count, b);
    add_product(a, b, count, out);
  }
  return cut(out, x_width, y_width);
}

Matrix64 product(const Matrix64& a, const Matrix64& b) {
  Matrix64 out(rounded(a.rows, step), rounded(b.columns, step));
  Matrix64 left(depth_at_once, out.rows), right(depth_at_once, out.columns);
  for (std::int64_t first = 0; first < b.rows; first += depth_at_once) {
    const std::int64_t count = std::min(depth_at_once, b.rows - first);
    for (std::int64_t r = 0; r < count; ++r) {
      for (std::int64_t i = 0; i < a.rows; ++i) left.row(r)[i] = a.row(i)[first + r];
      std::copy_n(b.row(first + r), b.columns, right.row(r));
    }
    add_product(left, right, count, out);
  }
  return cut(out, a.rows, b.columns);
}

Matrix64 transpose(const Matrix64& a) {
  Matrix64 out(a.columns, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) out.row(j)[i] = a.row(i)[j];
  }
  return out;
}

}  // namespace embscope
#endif
