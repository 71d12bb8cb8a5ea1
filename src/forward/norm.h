// LayerNorm (Ba et al. 2016) and RMSNorm (Zhang & Sennrich 2019), row by row, with a place to look in after each step.
#pragma once

#include "base/threads.h"
#include "embscope/model.h"
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

/// x [N, D] -> scale [N, 1] -> normed = (x - mean) / scale, then * gain + bias [N, D]. `on_scale` and `on_normalized` are
/// called in between and may change what they see.
template <class OnScale, class OnNormalized>
void norm_rows(const Config& config, const PackedNorm& w, const Tensor& x, Tensor& scale, Tensor& normed,
               OnScale&& on_scale, OnNormalized&& on_normalized) {
  const std::int64_t d = x.columns();
  const bool centred = config.norm == NormKind::layer;
  auto shift_of = [&](std::int64_t i) { return centred ? static_cast<float>(mean(x.row(i).data(), d)) : 0.0f; };
  for_rows(x,
           [&](std::int64_t i) { *scale.row(i).data() = norm_scale(x.row(i).data(), shift_of(i), d, config.epsilon); });
  on_scale();
  for_rows(x, [&](std::int64_t i) {
    normalise(x.row(i).data(), shift_of(i), *scale.row(i).data(), d, normed.row(i).data());
  });
  on_normalized();
  const float* bias = w.bias.empty() ? nullptr : w.bias.data();
  for_rows(x, [&](std::int64_t i) { gain_bias(normed.row(i).data(), w.gain.data(), bias, d, normed.row(i).data()); });
}

}  // namespace embscope
