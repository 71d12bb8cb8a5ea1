// Causal attention of one row and one head, in blocks of queries, over keys that may lie in a cache, in earlier rows of
// the batch, or in the row itself.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "embscope/model/model.h"

namespace embscope {

/// Where the keys and values of positions first..S-1 of one row lie; each pointer is at a position's first key-value
/// head. No query reads what is before the first.
struct KeysValues {
  std::int64_t first = 0;
  std::vector<const float*> keys, values;
};

struct HeadShape {
  std::int64_t width;                      ///< K
  std::int64_t kv_offset;                  ///< of this head's key-value head within a position's keys
  std::int64_t value_width, value_offset;  ///< the same of its values
  float scale;
  std::int64_t window = 0;      ///< keys that a query sees, its own among them; 0: all before it
  float slope = 0;              ///< ALiBi (Press et al. 2022): slope times the key's position is added
  float cap = 0;                ///< scores become cap tanh(score / cap); 0: they stay
  const float* sink = nullptr;  ///< a score to which no key belongs, or null
  std::int64_t chunk = 0;       ///< keys of the query's own run of so many positions alone; 0: there are no runs
  bool rounded = false;         ///< ALiBi in bfloat16, and before scaling (Falcon)

  /// The first key that the query at a position sees.
  std::int64_t first_key(std::int64_t position) const {
    const std::int64_t in_window = window == 0 || position < window ? 0 : position - window + 1;
    return chunk == 0 ? in_window : std::max(in_window, position / chunk * chunk);
  }

  /// x [n] := scores of the keys from `begin` on, from products of queries and keys.
  void finish_scores(float* x, std::int64_t begin, std::int64_t n) const;
};

/// Query head h of block l; `sinks` [H] of the block, or null.
inline HeadShape head_shape(const Config& config, std::int64_t h, int l, const float* sinks) {
  const Layer& layer = config.layers[static_cast<std::size_t>(l)];
  const std::int64_t group = config.heads / layer.kv_heads;  // query heads that share one of keys and values
  const float slope =
      config.alibi_slopes.empty() ? 0 : static_cast<float>(config.alibi_slopes[static_cast<std::size_t>(h)]);
  return {layer.head_width,
          h / group * layer.head_width,
          layer.value_width,
          h / group * layer.value_width,
          static_cast<float>(config.attn_scale * layer.scale),
          layer.window,
          slope,
          config.score_cap,
          sinks == nullptr ? nullptr : sinks + h,
          layer.chunk,
          config.alibi_rounded};
}

/// x [positions, width], `stride` floats from one position to the next, as the matrix of a product: panels of 32
/// positions, each [width][32], for sums over the width.
void panels_of_positions(const float* x, std::int64_t stride, std::int64_t positions, std::int64_t width,
                         std::vector<float>& panels);
/// The same as panels of 32 values, each [positions][32], for sums over positions.
void panels_of_values(const float* x, std::int64_t stride, std::int64_t positions, std::int64_t width,
                      std::vector<float>& panels);

/// What a key-value head of a row holds, rearranged for products: its query heads share it, and so do all queries.
class HeadPanels {
 public:
  void fill_keys(const HeadShape& head, const KeysValues& kv);
  void fill_values(const HeadShape& head, const KeysValues& kv);
  /// Both, of positions 0..positions - 1 of one head.
  void fill(const HeadShape& head, const float* k, std::int64_t k_stride, const float* v, std::int64_t v_stride,
            std::int64_t positions);
  std::int64_t first() const { return first_; }
  std::int64_t end() const { return first_ + count_; }    ///< S
  std::int64_t count() const { return count_; }           ///< of positions, from the first on
  const float* keys() const { return keys_.data(); }      ///< panels of 32 keys, each [K][32]
  const float* values() const { return values_.data(); }  ///< panels of 32 dimensions, each [count][32]

 private:
  std::vector<float> keys_, values_;
  std::int64_t first_ = 0, count_ = 0;
};

/// scores[t][s] = q[t].k[s] * scale, with slope and cap, for the keys that a query sees, -inf beyond; q [count, ...]
/// with q_stride; scores [count, S].
void attention_scores(const HeadShape& head, const HeadPanels& panels, const float* q, std::int64_t q_stride,
                      std::int64_t count, std::int64_t first, float* scores);

/// x = softmax of x [n] and, beside it, the sink.
void softmax_with(const float* sink, float* x, std::int64_t n);

/// pattern = softmax over the keys a query may see, 0 beyond; both [count, S], and may be the same.
void attention_pattern(const HeadShape& head, const float* scores, std::int64_t count, std::int64_t first,
                       std::int64_t keys, float* pattern);

/// z[t] = sum_s pattern[t][s] v[s] over the keys that a query sees.
void attention_values(const HeadShape& head, const HeadPanels& panels, const float* pattern, std::int64_t count,
                      std::int64_t first, float* z, std::int64_t z_stride);

/// All three, a block of queries at a time, without ever holding the pattern. The same bits. `change` may change the
/// pattern of a query, at its position, from the first key that it sees on.
using ChangePattern = std::function<void(std::int64_t position, float* pattern, std::int64_t keys)>;
void attend(const HeadShape& head, const HeadPanels& panels, const float* q, std::int64_t q_stride, std::int64_t count,
            std::int64_t first, float* z, std::int64_t z_stride, const ChangePattern& change = {});

}  // namespace embscope
