#include "forward/apply.h"

#include <algorithm>
#include <cmath>

namespace embscope {
namespace {

// x: n values; v: n values, or one to broadcast.
struct Source {
  const float* values;
  bool broadcast;
  float operator[](std::int64_t i) const { return values[broadcast ? 0 : i]; }
};

void mix(float* x, Source v, float p, std::int64_t n) {
  if (p == 1) return;  // even -0 and rounding stay: an untouched run and p = 1 are the same bits
  for (std::int64_t i = 0; i < n; ++i) x[i] = p == 0 ? v[i] : p * x[i] + (1 - p) * v[i];
}

void project_out(float* x, Source v, std::int64_t n) {
  double product = 0, square = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    product += static_cast<double>(x[i]) * v[i];
    square += static_cast<double>(v[i]) * v[i];
  }
  if (square == 0) return;  // this head's part of the vector is zero: nothing lies along it
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(x[i] - product / square * v[i]);
}

void apply_to(const Edit& edit, float* x, Source v, std::int64_t n) {
  switch (edit.change) {
    case Change::set:
      for (std::int64_t i = 0; i < n; ++i) x[i] = v[i];
      return;
    case Change::add:
      for (std::int64_t i = 0; i < n; ++i) x[i] += edit.amount * v[i];
      return;
    case Change::scale:
      for (std::int64_t i = 0; i < n; ++i) x[i] *= edit.amount;
      return;
    case Change::mix: return mix(x, v, edit.amount, n);
    case Change::zero: std::fill_n(x, n, 0.0f); return;
    case Change::project_out: return project_out(x, v, n);
  }
}

}  // namespace

void apply(const Edit& edit, const SiteShape& shape, std::int64_t stride, float* values) {
  const auto size = static_cast<std::int64_t>(edit.vector.size());
  if (edit.heads.empty() && stride == shape.width) {
    return apply_to(edit, values, {edit.vector.data(), size == 1}, shape.total());
  }
  for (std::int64_t head = 0; head < shape.heads; ++head) {
    if (!edit.heads.empty() && std::find(edit.heads.begin(), edit.heads.end(), head) == edit.heads.end()) continue;
    const float* v = edit.vector.data() + (size > shape.width ? head * shape.width : 0);
    apply_to(edit, values + head * stride, {v, size == 1}, shape.width);
  }
}

}  // namespace embscope
