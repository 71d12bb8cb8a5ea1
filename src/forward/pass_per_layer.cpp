// Per-layer embeddings (Gemma Team 2025): a vector of its own for each block and position, and the branch that reads
// it.
#include "forward/activation.h"
#include "forward/norm.h"
#include "forward/pass.h"

namespace embscope {

// The token's row for this block, and what a linear map and a norm make of the embedding.
void Pass::per_layer_vectors(const PackedBlock& w) {
  const PerLayer& p = config_.per_layer;
  const Matrix& rows = model_.weights().per_layer;
  linear(embedding_, {{w.per_layer_in, per_layer_}});
  Tensor of_token = Tensor::uninitialised(per_layer_.shape());
  auto row_of = [&](std::int64_t slot) {
    const auto [row, position] = probe_.slots().owners[static_cast<std::size_t>(slot)];
    const std::int64_t token =
        request_.rows[static_cast<std::size_t>(row)][static_cast<std::size_t>(position - plan_.first())];
    return token * config_.blocks + l_;
  };
  for_rows(per_layer_, [&](std::int64_t i) {
    float *made = per_layer_.row(i).data(), *own = of_token.row(i).data();
    rows.row(row_of(i), own);
    scale(made, p.made_scale, p.width), scale(own, p.row_scale, p.width);
    norm_row(NormKind::rms, config_.epsilon, data_or_null(w.per_layer_ln.gain), nullptr, made, p.width, made);
    add(made, own, p.width, made);
    scale(made, p.sum_scale, p.width);
  });
  for (std::int64_t i = 0; i < of_token.rows(); ++i) {
    if (!all_finite(of_token.row(i).data(), p.width))
      refuse_row(model_, "the per-layer embedding", row_of(i) / config_.blocks);
  }
}

bool Pass::add_per_layer(const PackedBlock& w) {
  const std::int64_t width = config_.per_layer.width;
  if (width == 0) return true;
  per_layer_vectors(w);
  if (!at(Point::per_layer_in, per_layer_)) return false;
  linear(x_, {{w.per_layer_gate, gate_}});
  if (!at(Point::per_layer_gate, gate_)) return false;
  for_rows(gate_, [&](std::int64_t i) {
    activate(config_.activation, gate_.row(i).data(), width, layer().xielu);
    multiply(gate_.row(i).data(), per_layer_.row(i).data(), width);
  });
  linear(gate_, {{w.per_layer_out, mlp_out_}});
  if (!norm_branch(w.per_layer_post, {Point::per_layer_post_scale, Point::per_layer_post_normalized}, mlp_out_) ||
      !at(Point::per_layer_out, mlp_out_))
    return false;
  add_to(x_, mlp_out_);
  return true;
}

}  // namespace embscope
