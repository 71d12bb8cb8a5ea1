// The MLP of a block, or the experts in its place.
#include <algorithm>

#include "forward/activation.h"
#include "forward/experts.h"
#include "forward/norm.h"
#include "forward/pass.h"

namespace embscope {

bool Pass::mlp(const PackedBlock& w) {
  if (!layer().experts) return dense(w);
  return config_.experts.beside ? beside(w) : route(w.experts, read()) && experts(w.experts, read());
}

// What the MLP gives is kept while the experts are at work: they read the residual stream through norms of their own.
bool Pass::beside(const PackedBlock& w) {
  Tensor own = Tensor::uninitialised(x_.shape());
  norm_rows(config_, w.experts.router_ln, x_, own);
  if (!route(w.experts, own) || !dense(w)) return false;
  Tensor of_mlp = std::move(mlp_out_);
  mlp_out_ = Tensor();
  norm_rows(config_, w.experts.mlp_post, of_mlp, of_mlp);
  norm_rows(config_, w.experts.ln, x_, own);
  if (!experts(w.experts, own)) return false;
  norm_rows(config_, w.experts.ln_post, mlp_out_, mlp_out_);
  add_to(mlp_out_, of_mlp);
  return true;
}

// Where nobody looks inside it, an MLP takes some rows after the others: gate and up are several times as wide as the
// residual stream, and those of all rows of a sweep could be larger than the model.
bool Pass::dense(const PackedBlock& w) {
  const bool seen = watched(Point::mlp_pre) || watched(Point::mlp_up) || watched(Point::mlp_post);
  const std::int64_t rows = read().rows(), most = seen ? rows : std::min(rows, mlp_rows_at_once);
  reuse(mlp_out_, attn_out_, !config_.parallel);
  shape_as(mlp_out_, rows, config_.width);
  for (std::int64_t first = 0; first < rows; first += most) {
    if (!mlp_rows(w, first, std::min(most, rows - first))) return false;
  }
  return true;
}

bool Pass::mlp_rows(const PackedBlock& w, std::int64_t first, std::int64_t count) {
  const bool gated = config_.gated_mlp;
  const std::int64_t width = layer().mlp_width;
  shape_as(gate_, count, width);
  std::vector<Product> products = {product_of(gated ? w.gate : w.up, gate_.data(), width)};
  if (gated) {
    shape_as(up_, count, width);
    products.push_back(product_of(w.up, up_.data(), width));
  }
  gemm(read().data() + first * config_.width, config_.width, count, products);
  if (!at(Point::mlp_pre, gate_) || (gated && !at(Point::mlp_up, up_))) return false;
  for_rows(gate_, [&](std::int64_t i) {
    activate(config_.activation, gate_.row(i).data(), width, layer().xielu);
    if (gated) multiply(gate_.row(i).data(), up_.row(i).data(), width);
  });
  if (!at(Point::mlp_post, gate_)) return false;
  gemm(gate_.data(), width, count, {{product_of(w.down, mlp_out_.data() + first * config_.width, config_.width)}});
  return true;
}

bool Pass::experts(const PackedExperts& w, const Tensor& read) {
  const Experts& e = config_.experts;
  const std::int64_t d = config_.width;
  shape_as(expert_out_, chosen_.rows(), e.chosen * d);
  const auto rows = routed(e, chosen_);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].empty()) continue;
    Tensor input = gather(read, rows[i]);
    auto weigh = [&](Tensor& x) {
      for_rows(x, [&](std::int64_t r) {
        const Routed& from = rows[i][static_cast<std::size_t>(r)];
        scale(x.row(r).data(), expert_weights_.row(from.row)[static_cast<std::size_t>(from.rank)], d);
      });
    };
    if (e.of_input) weigh(input);
    ExpertHidden hidden = expert_hidden(w.each[i], input);
    glu(config_, hidden);
    linear(hidden.gate, {{w.each[i].down, hidden.up}});
    if (!e.of_input) weigh(hidden.up);
    for_rows(hidden.up, [&](std::int64_t r) {
      const Routed& to = rows[i][static_cast<std::size_t>(r)];
      std::ranges::copy(hidden.up.row(r), expert_out_.row(to.row).data() + to.rank * d);
    });
  }
  if (!at(Point::experts_out, expert_out_)) return false;
  shape_as(mlp_out_, chosen_.rows(), d);
  for_rows(mlp_out_, [&](std::int64_t i) {
    const float* each = expert_out_.row(i).data();
    std::copy_n(each, d, mlp_out_.row(i).data());
    for (std::int64_t j = 1; j < e.chosen; ++j) add(mlp_out_.row(i).data(), each + j * d, d, mlp_out_.row(i).data());
  });
  return e.shared_width == 0 || add_shared(w);
}

bool Pass::route(const PackedExperts& w, const Tensor& read) {
  const Experts& e = config_.experts;
  linear(read, {{w.router, router_}});
  if (!at(Point::router_logits, router_)) return false;
  for_rows(router_, [&](std::int64_t i) { router_probabilities(e, router_.row(i).data()); });
  if (!at(Point::router_probabilities, router_)) return false;
  shape_as(chosen_, router_.rows(), e.chosen), shape_as(expert_weights_, router_.rows(), e.chosen);
  const float* correction = w.correction.empty() ? nullptr : w.correction.data();
  for_rows(chosen_,
           [&](std::int64_t i) { choose_experts(e, router_.row(i).data(), correction, chosen_.row(i).data()); });
  const bool on = at(Point::router_chosen, chosen_);
  routed(e, chosen_);  // what an edit chose is looked at before it is used
  if (!on) return false;
  for_rows(chosen_, [&](std::int64_t i) {
    float* const weights = expert_weights_.row(i).data();
    weigh_experts(e, router_.row(i).data(), chosen_.row(i).data(), weights);
    if (!w.scales.empty()) scale_chosen(e, w.scales.data(), chosen_.row(i).data(), weights);
  });
  return at(Point::router_weights, expert_weights_);
}

bool Pass::add_shared(const PackedExperts& w) {
  ExpertHidden hidden = expert_hidden(w.shared, read());
  glu(config_, hidden);
  linear(hidden.gate, {{w.shared.down, hidden.up}});
  if (!w.shared_gate.weight.empty()) {
    linear(read(), {{w.shared_gate, scale_}});
    for_rows(hidden.up,
             [&](std::int64_t i) { scale(hidden.up.row(i).data(), sigmoid(*scale_.row(i).data()), config_.width); });
  }
  if (!at(Point::experts_shared, hidden.up)) return false;
  add_to(mlp_out_, hidden.up);
  return true;
}

}  // namespace embscope
