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

// The panel of keys from which on query t, and those after it, see any.
std::int64_t first_panel(const HeadPass& h, std::int64_t t) { return h.shape.first_key(t) / panel_width * panel_width; }

// How many queries from key k on see one of keys k .. k + count.
std::int64_t seeing(const HeadPass& h, std::int64_t k, std::int64_t count) {
  std::int64_t end = h.positions;
  while (h.shape.first_key(end - 1) >= k + count) --end;
  return end - k;
}

// Queries t .. t + count: softmax of scaled scores; 0 at the keys of the block that a query may not see. `capped`:
// where the scores are kept that a cap bends.
void pattern_block(const HeadPass& h, const std::vector<float>& keys, std::int64_t t, std::int64_t count, Map& map,
                   Map& capped) {
  const std::int64_t from = first_panel(h, t);
  gemm_serial(h.q + t * h.q_stride, h.q_stride, count, keys.data() + from * h.shape.width, h.shape.width * panel_width,
              h.shape.width, map.row(t) + from, map.stride, t + count - from, false);
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
  std::vector<float> keys, values;                       // panels of positions
  std::vector<float> keys_by_value, queries, gradients;  // panels of values
  Map pattern, dropped, change, capped;
};

Scratch& scratch() {
  thread_local Scratch s;
  return s;
}

// dS of queries t .. t + count, in s.change; their pattern, after dropout, in s.dropped (or s.pattern without dropout).
void change_block(const HeadPass& h, const float* dz, std::int64_t z_stride, std::int64_t t, std::int64_t count,
                  Scratch& s, const HeadGradients& d) {
  const std::int64_t keys = t + count, from = first_panel(h, t);
  gemm_serial(dz + t * z_stride, z_stride, count, s.values.data() + from * h.shape.value_width,
              h.shape.value_width * panel_width, h.shape.value_width, s.change.row(t) + from, s.change.stride,
              keys - from, false);
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
  thread_local HeadPanels panels;
  panels.fill(h.shape, h.k, h.k_stride, h.v, h.v_stride, h.positions);
  ChangePattern dropped;
  if (h.dropout.rate > 0) dropped = [&](std::int64_t t, float* pattern, std::int64_t n) { drop(h, pattern, t, n); };
  attend(h.shape, panels, h.q, h.q_stride, h.positions, 0, z, z_stride, dropped);
}

void attend_backward(const HeadPass& h, const float* dz, std::int64_t z_stride, const HeadGradients& d) {
  Scratch& s = scratch();
  const std::int64_t positions = h.positions, panel = positions * panel_width;
  panels_of_positions(h.k, h.k_stride, positions, h.shape.width, s.keys);
  panels_of_values(h.k, h.k_stride, positions, h.shape.width, s.keys_by_value);
  panels_of_positions(h.v, h.v_stride, positions, h.shape.value_width, s.values);
  panels_of_values(h.q, h.q_stride, positions, h.shape.width, s.queries);
  panels_of_values(dz, z_stride, positions, h.shape.value_width, s.gradients);
  s.pattern.shape(h.positions), s.change.shape(h.positions);
  if (h.shape.cap != 0) s.capped.shape(h.positions);
  if (h.dropout.rate > 0) s.dropped.shape(h.positions);
  for (std::int64_t t = 0; t < h.positions; t += query_block) {
    const std::int64_t count = std::min(query_block, h.positions - t);
    pattern_block(h, s.keys, t, count, s.pattern, s.capped);
    change_block(h, dz, z_stride, t, count, s, d);
    const std::int64_t from = first_panel(h, t);
    gemm_serial(s.change.row(t) + from, s.change.stride, count, s.keys_by_value.data() + from * panel_width, panel,
                t + count - from, d.q + t * h.q_stride, h.q_stride, h.shape.width, false);
  }
  Map& pattern = h.dropout.rate > 0 ? s.dropped : s.pattern;
  for (std::int64_t k = 0; k < h.positions;
       k += query_block) {  // keys k.. are seen by queries k.., and the block's own by all of it
    const std::int64_t count = std::min(query_block, h.positions - k), seen = seeing(h, k, count);
    gemm_transposed(pattern.row(k) + k, pattern.stride, count, s.gradients.data() + k * panel_width, panel, seen,
                    d.v + k * h.v_stride, h.v_stride, h.shape.value_width, d.add);
    gemm_transposed(s.change.row(k) + k, s.change.stride, count, s.queries.data() + k * panel_width, panel, seen,
                    d.k + k * h.k_stride, h.k_stride, h.shape.width, d.add);
  }
}

}  // namespace embscope
