#include "train/attention.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "forward/activation.h"
#include "forward/attention.h"
#include "kernels/gemm.h"
#include "kernels/vector.h"

namespace embscope {
namespace {

constexpr std::int64_t query_block = 14;

std::int64_t panels_for(std::int64_t n) { return (n + panel_width - 1) / panel_width; }

/// Panels of 32 positions, each [K][32]: x as the matrix of a product that sums over K.
class ByPosition {
 public:
  void pack(const float* x, std::int64_t stride, std::int64_t positions, std::int64_t width) {
    stride_ = width * panel_width;
    panels_.resize(static_cast<std::size_t>(panels_for(positions) * stride_));
    for (std::int64_t p = 0; p < panels_for(positions); ++p) {
      const std::int64_t first = p * panel_width;
      pack_panel(x + first * stride, stride, std::min(panel_width, positions - first), width,
                 panels_.data() + p * stride_);
    }
  }
  const float* panels() const { return panels_.data(); }
  std::int64_t stride() const { return stride_; }

 private:
  std::vector<float> panels_;
  std::int64_t stride_ = 0;
};

/// Panels of 32 dimensions, each [T][32]: x as the matrix of a product that sums over positions.
class ByDimension {
 public:
  void pack(const float* x, std::int64_t stride, std::int64_t positions, std::int64_t width) {
    stride_ = positions * panel_width;
    panels_.resize(static_cast<std::size_t>(panels_for(width) * stride_));
    for (std::int64_t c = 0; c < width; c += panel_width) {
      copy_panel(x + c, stride, positions, std::min(panel_width, width - c),
                 panels_.data() + c / panel_width * stride_);
    }
  }
  const float* from(std::int64_t position) const { return panels_.data() + position * panel_width; }
  std::int64_t stride() const { return stride_; }

 private:
  std::vector<float> panels_;
  std::int64_t stride_ = 0;
};

/// [T, S] of one head, S a whole number of panels.
struct Map {
  std::vector<float> values;
  std::int64_t stride = 0;

  void shape(std::int64_t positions) {
    stride = panels_for(positions) * panel_width;
    values.resize(static_cast<std::size_t>(positions * stride));
  }
  float* row(std::int64_t t) { return values.data() + t * stride; }
};

// Queries t .. t + count: softmax of scaled scores; 0 at the keys of the block that a query may not see. `capped`:
// where the scores are kept that a cap bends.
void pattern_block(const HeadPass& h, const ByPosition& keys, std::int64_t t, std::int64_t count, Map& map,
                   Map& capped) {
  gemm_serial(h.q + t * h.q_stride, h.q_stride, count, keys.panels(), keys.stride(), h.shape.width, map.row(t),
              map.stride, t + count, false);
  for (std::int64_t i = t; i < t + count; ++i) {
    const std::int64_t begin = h.shape.first_key(i), n = i + 1 - begin;
    float* row = map.row(i) + begin;
    h.shape.finish_scores(row, begin, n);
    if (h.shape.cap != 0) std::copy_n(row, n, capped.row(i) + begin);
    softmax_with(h.shape.sink, row, n);
    std::fill_n(map.row(i), begin, 0.0f);
    std::fill(map.row(i) + i + 1, map.row(i) + t + count, 0.0f);
  }
}

void drop(const HeadPass& h, float* row, std::int64_t t, std::int64_t n) {
  dropout(row, n, h.dropout, h.first_number + static_cast<std::uint64_t>(t * h.positions));
}

struct Scratch {
  ByPosition keys, values_by_position;
  ByDimension values, keys_by_dimension, queries, gradients;
  Map pattern, dropped, change, capped;
};

Scratch& scratch() {
  thread_local Scratch s;
  return s;
}

// dS of queries t .. t + count, in s.change; their pattern, after dropout, in s.dropped (or s.pattern without dropout).
void change_block(const HeadPass& h, const float* dz, std::int64_t z_stride, std::int64_t t, std::int64_t count,
                  Scratch& s, const HeadGradients& d) {
  const std::int64_t keys = t + count;
  gemm_serial(dz + t * z_stride, z_stride, count, s.values_by_position.panels(), s.values_by_position.stride(),
              h.shape.value_width, s.change.row(t), s.change.stride, keys, false);
  for (std::int64_t i = t; i < keys; ++i) {
    if (h.dropout.rate > 0) {
      std::copy_n(s.pattern.row(i), keys, s.dropped.row(i));
      drop(h, s.dropped.row(i), i, i + 1);
      drop(h, s.change.row(i), i, i + 1);
    }
    const std::int64_t begin = h.shape.first_key(i), n = i + 1 - begin;
    const bool in_steps = d.scores != nullptr || h.shape.cap != 0;
    float* change = s.change.row(i) + begin;
    if (d.pattern != nullptr) std::copy_n(change, n, d.pattern + i * h.positions + begin);
    softmax_backward(s.pattern.row(i) + begin, change, n, in_steps ? 1 : h.shape.scale);
    if (d.scores != nullptr) std::copy_n(change, n, d.scores + i * h.positions + begin);
    for (std::int64_t k = 0; h.shape.cap != 0 && k < n; ++k)
      change[k] *= soft_cap_slope(h.shape.cap, s.capped.row(i)[begin + k]);
    if (in_steps) scale(change, h.shape.scale, n);
    std::fill_n(s.change.row(i), begin, 0.0f);
    std::fill(s.change.row(i) + i + 1, s.change.row(i) + keys, 0.0f);
  }
}

}  // namespace

void attend_forward(const HeadPass& h, float* z, std::int64_t z_stride) {
  Scratch& s = scratch();
  s.keys.pack(h.k, h.k_stride, h.positions, h.shape.width);
  s.values.pack(h.v, h.v_stride, h.positions, h.shape.value_width);
  s.pattern.shape(h.positions);
  if (h.shape.cap != 0) s.capped.shape(h.positions);
  for (std::int64_t t = 0; t < h.positions; t += query_block) {
    const std::int64_t count = std::min(query_block, h.positions - t);
    pattern_block(h, s.keys, t, count, s.pattern, s.capped);
    for (std::int64_t i = t; i < t + count; ++i) drop(h, s.pattern.row(i), i, i + 1);
    gemm_serial(s.pattern.row(t), s.pattern.stride, count, s.values.from(0), s.values.stride(), t + count,
                z + t * z_stride, z_stride, h.shape.value_width, false);
  }
}

void attend_backward(const HeadPass& h, const float* dz, std::int64_t z_stride, const HeadGradients& d) {
  Scratch& s = scratch();
  s.keys.pack(h.k, h.k_stride, h.positions, h.shape.width);
  s.keys_by_dimension.pack(h.k, h.k_stride, h.positions, h.shape.width);
  s.values_by_position.pack(h.v, h.v_stride, h.positions, h.shape.value_width);
  s.queries.pack(h.q, h.q_stride, h.positions, h.shape.width);
  s.gradients.pack(dz, z_stride, h.positions, h.shape.value_width);
  s.pattern.shape(h.positions), s.change.shape(h.positions);
  if (h.shape.cap != 0) s.capped.shape(h.positions);
  if (h.dropout.rate > 0) s.dropped.shape(h.positions);
  for (std::int64_t t = 0; t < h.positions; t += query_block) {
    const std::int64_t count = std::min(query_block, h.positions - t);
    pattern_block(h, s.keys, t, count, s.pattern, s.capped);
    change_block(h, dz, z_stride, t, count, s, d);
    gemm_serial(s.change.row(t), s.change.stride, count, s.keys_by_dimension.from(0), s.keys_by_dimension.stride(),
                t + count, d.q + t * h.q_stride, h.q_stride, h.shape.width, false);
  }
  Map& pattern = h.dropout.rate > 0 ? s.dropped : s.pattern;
  for (std::int64_t k = 0; k < h.positions;
       k += query_block) {  // keys k.. are seen by queries k.., and the block's own by all of it
    const std::int64_t count = std::min(query_block, h.positions - k), seen = h.positions - k;
    gemm_transposed(pattern.row(k) + k, pattern.stride, count, s.gradients.from(k), s.gradients.stride(), seen,
                    d.v + k * h.v_stride, h.v_stride, h.shape.value_width, d.add);
    gemm_transposed(s.change.row(k) + k, s.change.stride, count, s.queries.from(k), s.queries.stride(), seen,
                    d.k + k * h.k_stride, h.k_stride, h.shape.width, d.add);
  }
}

}  // namespace embscope
