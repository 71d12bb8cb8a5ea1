#include "forward/apply.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/random.h"
#include "kernels/dot.h"

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
  const double product = dot(x, v, n), square = dot(v, v, n);
  if (square == 0) return;  // this head's part of the vector is zero: nothing lies along it
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(x[i] - product / square * v[i]);
}

// In the plane of x and v: with u = x / |x| and w the direction of v - (v.u) u, x := |x| (cos(angle) u + sin(angle) w).
void rotate(float* x, Source v, float degrees, std::int64_t n) {
  const double length = std::sqrt(dot(x, x, n)), along = length > 0 ? dot(x, v, n) / length : 0;
  const double square = dot(v, v, n);
  const double across = std::sqrt(std::max(0.0, square - along * along));
  if (length == 0 || across <= 1e-7 * std::sqrt(square)) return;  // no plane: x lies along v already
  const double angle = std::min(static_cast<double>(degrees) * std::numbers::pi / 180, std::atan2(across, along));
  const double of_v = std::sin(angle) * length / across, of_x = std::cos(angle) - of_v * along / length;
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(of_x * x[i] + of_v * v[i]);
}

void clamp(const Edit& edit, float* x, std::int64_t n) {
  if (edit.dimensions.empty()) {
    for (std::int64_t i = 0; i < n; ++i) x[i] = std::clamp(x[i], edit.low, edit.high);
  }
  for (int d : edit.dimensions) x[d] = std::clamp(x[d], edit.low, edit.high);
}

void add_noise(const Edit& edit, float* x, std::int64_t n, std::int64_t position) {
  Random random(edit.seed * 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(position));
  for (std::int64_t i = 0; i < n; ++i) x[i] += edit.amount * static_cast<float>(random.normal());
}

void apply_to(const Edit& edit, float* x, Source v, std::int64_t n, std::int64_t position) {
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
    case Change::rotate: return rotate(x, v, edit.amount, n);
    case Change::clamp: return clamp(edit, x, n);
    case Change::noise: return add_noise(edit, x, n, position);
  }
}

}  // namespace

void apply(const Edit& edit, const SiteShape& shape, std::int64_t stride, float* values, std::int64_t position) {
  const auto size = static_cast<std::int64_t>(edit.vector.size());
  const bool one_vector = edit.heads.empty() && !is_attention_map(edit.site.point);
  if (one_vector) { return apply_to(edit, values, {edit.vector.data(), size == 1}, shape.total(), position); }
  for (std::int64_t head = 0; head < shape.heads; ++head) {
    if (!edit.heads.empty() && std::find(edit.heads.begin(), edit.heads.end(), head) == edit.heads.end()) continue;
    const float* v = edit.vector.data() + (size > shape.width ? head * shape.width : 0);
    apply_to(edit, values + head * stride, {v, size == 1}, shape.width, position);
  }
}

}  // namespace embscope
