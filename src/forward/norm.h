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

/// y := x * gain + bias; each may be null.
inline void apply_gain(const float* gain, const float* bias, const float* x, std::int64_t n, float* y) {
  if (gain != nullptr) gain_bias(x, gain, bias, n, y);
}

/// What a norm takes away from a row.
inline float norm_shift(NormKind kind, const float* x, std::int64_t n) {
  return kind == NormKind::layer ? static_cast<float>(mean(x, n)) : 0.0f;
}

/// And what it divides by.
struct NormRow {
  float shift, scale;
};

/// y := (x - shift) / scale * gain + bias of one row; y may be x, gain and bias null.
inline NormRow norm_row(NormKind kind, float epsilon, const float* gain, const float* bias, const float* x,
                        std::int64_t n, float* y) {
  const float shift = norm_shift(kind, x, n), scale = norm_scale(x, shift, n, epsilon);
  normalise(x, shift, scale, n, y);
  apply_gain(gain, bias, y, n, y);
  return {shift, scale};
}

inline const float* data_or_null(const Tensor& t) { return t.empty() ? nullptr : t.data(); }

/// x [N, D] -> scale [N, 1] -> normed = (x - mean) / scale, then * gain + bias [N, D]; normed may be x. `on_scale` and
/// `on_normalized` are called in between and may change what they see. Where one says false, it ends there with false.
template <class OnScale, class OnNormalized>
bool norm_rows(const Config& config, const PackedNorm& w, const Tensor& x, Tensor& scale, Tensor& normed,
               OnScale&& on_scale, OnNormalized&& on_normalized) {
  const std::int64_t d = x.columns();
  auto shift_of = [&](std::int64_t i) { return norm_shift(config.norm, x.row(i).data(), d); };
  for_rows(x,
           [&](std::int64_t i) { *scale.row(i).data() = norm_scale(x.row(i).data(), shift_of(i), d, config.epsilon); });
  if (!on_scale()) return false;
  for_rows(x, [&](std::int64_t i) {
    normalise(x.row(i).data(), shift_of(i), *scale.row(i).data(), d, normed.row(i).data());
  });
  if (!on_normalized()) return false;
  const float *gain = data_or_null(w.gain), *bias = data_or_null(w.bias);
  for_rows(x, [&](std::int64_t i) { apply_gain(gain, bias, normed.row(i).data(), d, normed.row(i).data()); });
  return true;
}

/// The same where nothing in between is watched.
inline void norm_rows(const Config& config, const PackedNorm& w, const Tensor& x, Tensor& normed) {
  Tensor scale = Tensor::uninitialised({x.rows(), 1});
  norm_rows(
      config, w, x, scale, normed, [] { return true; }, [] { return true; });
}

/// Queries or keys [N, heads * width], each head by itself or all of a position together, in place.
inline void norm_heads(const Config& config, const PackedNorm& w, Tensor& x, std::int64_t heads) {
  const std::int64_t parts = config.qk_norm == QkNorm::together ? 1 : heads, n = x.columns() / parts;
  const bool own_gains = w.gain.size() == x.columns();
  auto of_part = [&](const Tensor& t, std::int64_t p) {
    return t.empty() ? nullptr : t.data() + (own_gains ? p * n : 0);
  };
  for_rows(x, [&](std::int64_t i) {
    for (std::int64_t p = 0; p < parts; ++p) {
      float* part = x.row(i).data() + p * n;
      norm_row(config.qk_norm_kind, config.epsilon, of_part(w.gain, p), of_part(w.bias, p), part, n, part);
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
