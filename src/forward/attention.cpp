#include "forward/attention.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "forward/activation.h"
#include "kernels/gemm.h"
#include "kernels/vector.h"

namespace embscope {
namespace {

constexpr std::int64_t query_block = 14;

// The nearest value that has 8 bits of a fraction; of two, the even one.
float to_bfloat16(float x) {
  auto bits = std::bit_cast<std::uint32_t>(x);
  bits += 0x7fff + (bits >> 16 & 1);
  return std::bit_cast<float>(bits & 0xffff0000);
}

std::int64_t panels_for(std::int64_t n) { return (n + panel_width - 1) / panel_width; }

// From the panel on in which the first query's keys begin; what a query does not see of it is never read. `scores` is
// at the panels' first position.
void score_block(const HeadShape& head, const HeadPanels& panels, const float* q, std::int64_t q_stride,
                 std::int64_t count, std::int64_t first, float* scores, std::int64_t stride) {
  const std::int64_t origin = panels.first(), from = (head.first_key(first) - origin) / panel_width * panel_width;
  gemm_serial(q, q_stride, count, panels.keys() + from * head.width, head.width * panel_width, head.width,
              scores + from, stride, first + count - origin - from, false);
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t begin = head.first_key(first + t), n = first + t + 1 - begin;
    head.finish_scores(scores + t * stride + begin - origin, begin, n);
  }
}

// The keys that all queries of the block see go through the tile together, those before and after row by row, so that a
// key that a query may not see never meets it (not even as 0 * infinity). `pattern` is at the panels' first position.
void value_block(const HeadShape& head, const HeadPanels& panels, const float* pattern, std::int64_t stride,
                 std::int64_t count, std::int64_t first, float* z, std::int64_t z_stride) {
  const std::int64_t panel = panels.count() * panel_width, origin = panels.first();
  const std::int64_t begin = head.first_key(first + count - 1), end = std::max(begin, first + 1);
  auto values = [&](std::int64_t position) { return panels.values() + (position - origin) * panel_width; };
  auto row_by_row = [&](std::int64_t t, std::int64_t from, std::int64_t to, bool accumulate) {
    gemm_serial(pattern + t * stride + from - origin, stride, 1, values(from), panel, to - from, z + t * z_stride,
                z_stride, head.value_width, accumulate);
  };
  for (std::int64_t t = 0; begin > 0 && t < count; ++t) {
    const std::int64_t from = head.first_key(first + t), to = std::min(begin, first + t + 1);
    from < to ? row_by_row(t, from, to, false) : (void)std::fill_n(z + t * z_stride, head.value_width, 0.0f);
  }
  if (begin < end)
    gemm_serial(pattern + begin - origin, stride, count, values(begin), panel, end - begin, z, z_stride,
                head.value_width, begin > 0);
  for (std::int64_t t = 1; t < count; ++t) {
    if (end < first + t + 1) row_by_row(t, end, first + t + 1, true);
  }
}

}  // namespace

void HeadShape::finish_scores(float* x, std::int64_t begin, std::int64_t n) const {
  embscope::scale(x, scale, n);
  const float of_position = rounded ? to_bfloat16(slope) : slope;
  for (std::int64_t s = 0; slope != 0 && s < n; ++s) {
    const auto position = static_cast<float>(begin + s);
    x[s] += rounded ? scale * to_bfloat16(of_position * to_bfloat16(position)) : of_position * position;
  }
  if (cap != 0) soft_cap(cap, x, n);
}

void HeadPanels::fill_keys(const HeadShape& head, const KeysValues& kv) {
  first_ = kv.first, count_ = static_cast<std::int64_t>(kv.keys.size());
  keys_.resize(static_cast<std::size_t>(panels_for(count_) * head.width * panel_width));
  for (std::int64_t s = 0; s < panels_for(count_) * panel_width; ++s) {
    float* to = keys_.data() + s / panel_width * head.width * panel_width + s % panel_width;
    const float* key = s < count_ ? kv.keys[static_cast<std::size_t>(s)] + head.kv_offset : nullptr;
    for (std::int64_t i = 0; i < head.width; ++i) to[i * panel_width] = key == nullptr ? 0 : key[i];
  }
}

void HeadPanels::fill_values(const HeadShape& head, const KeysValues& kv) {
  first_ = kv.first, count_ = static_cast<std::int64_t>(kv.values.size());
  values_.resize(static_cast<std::size_t>(panels_for(head.value_width) * count_ * panel_width));
  for (std::int64_t p = 0; p < panels_for(head.value_width); ++p) {
    const std::int64_t columns = std::min(panel_width, head.value_width - p * panel_width);
    for (std::int64_t s = 0; s < count_; ++s) {
      float* to = values_.data() + (p * count_ + s) * panel_width;
      const float* from = kv.values[static_cast<std::size_t>(s)] + head.value_offset + p * panel_width;
      for (std::int64_t i = 0; i < panel_width; ++i) to[i] = i < columns ? from[i] : 0;
    }
  }
}

void HeadPanels::fill(const HeadShape& head, const float* k, std::int64_t k_stride, const float* v,
                      std::int64_t v_stride, std::int64_t positions) {
  first_ = 0, count_ = positions;
  panels_of_positions(k, k_stride, positions, head.width, keys_);
  panels_of_values(v, v_stride, positions, head.value_width, values_);
}

void panels_of_positions(const float* x, std::int64_t stride, std::int64_t positions, std::int64_t width,
                         std::vector<float>& panels) {
  panels.resize(static_cast<std::size_t>(panels_for(positions) * width * panel_width));
  for (std::int64_t p = 0; p < positions; p += panel_width)
    pack_panel(x + p * stride, stride, std::min(panel_width, positions - p), width, panels.data() + p * width);
}

void panels_of_values(const float* x, std::int64_t stride, std::int64_t positions, std::int64_t width,
                      std::vector<float>& panels) {
  panels.resize(static_cast<std::size_t>(panels_for(width) * positions * panel_width));
  for (std::int64_t c = 0; c < width; c += panel_width)
    copy_panel(x + c, stride, positions, std::min(panel_width, width - c), panels.data() + c * positions);
}

void softmax_with(const float* sink, float* x, std::int64_t n) {
  if (sink == nullptr) return softmax(x, n);
  thread_local std::vector<float> row;
  row.assign(x, x + n);
  row.push_back(*sink);
  softmax(row.data(), n + 1);
  std::copy_n(row.begin(), n, x);
}

void attention_scores(const HeadShape& head, const HeadPanels& panels, const float* q, std::int64_t q_stride,
                      std::int64_t count, std::int64_t first, float* scores) {
  const std::int64_t keys = panels.end();
  for (std::int64_t t = 0; t < count; t += query_block)
    score_block(head, panels, q + t * q_stride, q_stride, std::min(query_block, count - t), first + t,
                scores + t * keys + panels.first(), keys);
  for (std::int64_t t = 0; t < count; ++t) {
    std::fill_n(scores + t * keys, head.first_key(first + t), -std::numeric_limits<float>::infinity());
    std::fill(scores + t * keys + first + t + 1, scores + (t + 1) * keys, -std::numeric_limits<float>::infinity());
  }
}

void attention_pattern(const HeadShape& head, const float* scores, std::int64_t count, std::int64_t first,
                       std::int64_t keys, float* pattern) {
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t begin = head.first_key(first + t), seen = first + t + 1;
    float* row = pattern + t * keys;
    if (pattern != scores) std::copy(scores + t * keys + begin, scores + t * keys + seen, row + begin);
    softmax_with(head.sink, row + begin, seen - begin);
    std::fill(row, row + begin, 0.0f);
    std::fill(row + seen, row + keys, 0.0f);
  }
}

void attention_values(const HeadShape& head, const HeadPanels& panels, const float* pattern, std::int64_t count,
                      std::int64_t first, float* z, std::int64_t z_stride) {
  const std::int64_t keys = panels.end();
  for (std::int64_t t = 0; t < count; t += query_block) {
    value_block(head, panels, pattern + t * keys + panels.first(), keys, std::min(query_block, count - t), first + t,
                z + t * z_stride, z_stride);
  }
}

void attend(const HeadShape& head, const HeadPanels& panels, const float* q, std::int64_t q_stride, std::int64_t count,
            std::int64_t first, float* z, std::int64_t z_stride, const ChangePattern& change) {
  const std::int64_t stride = panels_for(panels.count()) * panel_width;
  thread_local std::vector<float> scores;
  scores.resize(static_cast<std::size_t>(std::min(query_block, count) * stride));
  for (std::int64_t t = 0; t < count; t += query_block) {
    const std::int64_t block = std::min(query_block, count - t);
    score_block(head, panels, q + t * q_stride, q_stride, block, first + t, scores.data(), stride);
    for (std::int64_t i = 0; i < block; ++i) {
      const std::int64_t position = first + t + i, begin = head.first_key(position);
      float* pattern = scores.data() + i * stride + begin - panels.first();
      softmax_with(head.sink, pattern, position + 1 - begin);
      if (change) change(position, pattern, position + 1 - begin);
    }
    value_block(head, panels, scores.data(), stride, block, first + t, z + t * z_stride, z_stride);
  }
}

}  // namespace embscope
