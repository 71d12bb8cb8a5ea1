// LayerNorm (Ba et al. 2016) and RMSNorm (Zhang & Sennrich 2019), row by row, with a place to look in after each step;
// and what follows the last one.
#pragma once

#include "base/threads.h"
#include "embscope/model/model.h"
#include "forward/activation.h"
#include "forward/weights.h"
#include "kernels/vector.h"

namespace embscope {

inline constexpr std::int64_t rows_per_chunk = 16;

/// body(i) for every row of t, in parallel.
template <class F>
void for_rows(const Tensor& t, F&& body) {
  parallel_for(t.rows(), rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) body(i);
  });
}

/// out = x * gain + bias; either may be empty.
inline void apply_gain(const PackedNorm& w, const float* x, std::int64_t n, float* out, std::int64_t first = 0) {
  if (w.gain.empty()) return;
  gain_bias(x, w.gain.data() + first, w.bias.empty() ? nullptr : w.bias.data() + first, n, out);
}

/// x [N, D] -> scale [N, 1] -> normed = (x - mean) / scale, then * gain + bias [N, D]; normed may be x. `on_scale` and
/// `on_normalized` are called in between and may change what they see. Where one says false, it ends there with false.
template <class OnScale, class OnNormalized>
bool norm_rows(const Config& config, const PackedNorm& w, const Tensor& x, Tensor& scale, Tensor& normed,
               OnScale&& on_scale, OnNormalized&& on_normalized) {
  const std::int64_t d = x.columns();
  const bool centred = config.norm == NormKind::layer;
  auto shift_of = [&](std::int64_t i) { return centred ? static_cast<float>(mean(x.row(i).data(), d)) : 0.0f; };
  for_rows(x,
           [&](std::int64_t i) { *scale.row(i).data() = norm_scale(x.row(i).data(), shift_of(i), d, config.epsilon); });
  if (!on_scale()) return false;
  for_rows(x, [&](std::int64_t i) {
    normalise(x.row(i).data(), shift_of(i), *scale.row(i).data(), d, normed.row(i).data());
  });
  if (!on_normalized()) return false;
  for_rows(x, [&](std::int64_t i) { apply_gain(w, normed.row(i).data(), d, normed.row(i).data()); });
  return true;
}

/// The same where nobody looks in between.
inline void norm_rows(const Config& config, const PackedNorm& w, const Tensor& x, Tensor& normed) {
  Tensor scale = Tensor::uninitialised({x.rows(), 1});
  norm_rows(
      config, w, x, scale, normed, [] { return true; }, [] { return true; });
}

/// Queries or keys [N, heads * width], each head by itself or all of a position together, in place.
inline void norm_heads(const Config& config, const PackedNorm& w, Tensor& x, std::int64_t heads) {
  const std::int64_t parts = config.qk_norm == QkNorm::together ? 1 : heads, n = x.columns() / parts;
  const bool own_gains = w.gain.size() == x.columns();
  for_rows(x, [&](std::int64_t i) {
    for (std::int64_t p = 0; p < parts; ++p) {
      float* part = x.row(i).data() + p * n;
      const float shift = config.qk_norm_kind == NormKind::layer ? static_cast<float>(mean(part, n)) : 0.0f;
      normalise(part, shift, norm_scale(part, shift, n, config.epsilon), n, part);
      apply_gain(w, part, n, part, own_gains ? p * n : 0);
    }
  });
}

/// Logits [N, out] of what the final norm gives [N, D], with the bias of each.
inline Tensor unembedded(const Config& config, const Packed& unembedding, const Tensor& bias, const Tensor& normed) {
  Tensor logits = Tensor::uninitialised({normed.rows(), unembedding.out()});
  gemm(normed.data(), normed.columns(), normed.rows(),
       {{Product{&unembedding, nullptr, logits.data(), logits.columns()}}});
  for_rows(logits, [&](std::int64_t i) {
    const std::span<float> row = logits.row(i);
    if (!bias.empty()) add(row.data(), bias.data(), logits.columns(), row.data());
    if (config.logit_scale != 1) scale(row.data(), config.logit_scale, logits.columns());
    if (config.logit_cap != 0) soft_cap(config.logit_cap, row.data(), logits.columns());
  });
  return logits;
}

}  // namespace embscope
