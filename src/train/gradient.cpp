#include "embscope/train/gradient.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "forward/activation.h"
#include "forward/attention.h"
#include "forward/norm.h"
#include "forward/pass.h"
#include "forward/replay.h"
#include "forward/request.h"
#include "forward/rotary.h"
#include "forward/weights.h"
#include "train/attention.h"
#include "train/expert_gradient.h"

namespace embscope {
namespace {

using Key = std::pair<int, Point>;  // of a site: block, point

// Queries and keys as used in the scores.
std::pair<Point, Point> meeting(const Config& config) {
  const bool normed = config.qk_norm != QkNorm::none, rotated = config.position == PositionKind::rotary;
  if (rotated && !(normed && config.qk_norm_after)) return {Point::rot_q, Point::rot_k};
  return normed ? std::pair{Point::normed_q, Point::normed_k} : std::pair{Point::q, Point::k};
}

// Values as attention sums them.
Point summed_values(const Config& config) { return config.v_norm ? Point::normed_v : Point::v; }

// What the MLP, or the experts in its place, read.
Point mlp_input(const Config& config) {
  return !config.norm_before ? (config.parallel ? Point::resid_pre : Point::resid_mid)
         : config.one_norm   ? Point::ln1
                             : Point::ln2;
}

/// One pass backward from the logits, in the reverse order of forward/pass. d is the gradient for the value in its
/// name; x_ is the gradient for the residual stream, [T, D].
class Backward {
 public:
  Backward(const Model& model, Replay& run, const GradientRequest& request, std::int64_t positions)
      : model_(model), config_(model.config()), run_(run), request_(request), positions_(positions) {
    for (const Rope& rope : config_.ropes) rotary_.push_back(rotary(rope, positions));
  }

  /// A token and the derivative of its logit with respect to the product with its row: the head's scale times the slope
  /// of the cap.
  struct Target {
    TokenId token;
    float slope;
  };
  void head(Target target, std::optional<Target> against);  ///< logits, final norm
  void block(int l);
  void embedding();
  /// to(number, values, gradient) for each requested site that has both by now.
  template <class To>
  void hand_on(To&& to);

 private:
  Tensor before(Point out, const Norm& post, Point scale, Point normalized, int l,
                const Tensor& added);    ///< by what the branch gave itself
  Tensor mlp(int l, const Tensor& out);  ///< by what the MLP reads
  Tensor dense(int l, const Tensor& out);
  Tensor beside(int l, const Tensor& out);  ///< the same; what experts read is added to x_
  ExpertGradients experts(int l, const Tensor& read, const Tensor& out);
  void per_layer(int l);                       ///< through that branch, added to x_
  void per_layer_vectors(int l, Tensor& d);    ///< added to by_embedding_
  Tensor attention(int l, const Tensor& out);  ///< by what attention reads
  void attend(int l, const Tensor& dz, Tensor& dq, Tensor& dk, Tensor& dv);
  Tensor latents(int l, const Tensor& dq, const Tensor& dk, const Tensor& dv);  ///< by what attention reads
  void latent_back(const PackedLinear& map, const PackedNorm& norm, const Tensor& input, const Tensor& by_normed,
                   Tensor& d) const;
  void unrotate(int l, Tensor& dq, Tensor& dk) const;
  void unnorm(int l, Tensor& dq, Tensor& dk, Point q, Point k);  ///< q, k: where what was normed is kept
  void unnorm_values(int l, Tensor& dv) const;
  Tensor read_keys(int l, Tensor& dq, Tensor& dk, Tensor& dv);  ///< by what attention reads, where it has own keys
  void unclip(Tensor& d, Point point, int l) const;
  void norm_heads_back(Tensor& d, const Norm& w, Point input, int l, std::int64_t heads) const;
  Tensor norm(const Norm& w, Point scale, Point normalized, int l, Tensor& d);  ///< by the norm's input
  void add_through(const Norm& w, Point scale, Point normalized, Point result, int l, Tensor& d);  ///< to x_
  Tensor through(std::initializer_list<std::pair<const Linear*, const Tensor*>> maps) const;       ///< sum of dy W
  bool wanted(Point point, int l) const {
    return std::ranges::find(request_.sites, Site{point, l}) != request_.sites.end();
  }
  void keep(Point point, int l, const Tensor& d);

  const Model& model_;
  const Config& config_;
  Replay& run_;
  const GradientRequest& request_;
  std::int64_t positions_;
  std::vector<Rotary> rotary_;
  Tensor x_;
  Tensor by_embedding_;  ///< of what per-layer embeddings take of it
  struct KeysAndValues {
    Tensor keys, values;
  };
  std::map<int, KeysAndValues> by_later_;  ///< what later blocks give to the keys and values of one
  std::map<Key, Tensor> kept_;
};

void Backward::keep(Point point, int l, const Tensor& d) {
  if (wanted(point, l)) kept_[{l, point}] = d.clone();
}

template <class To>
void Backward::hand_on(To&& to) {
  for (std::size_t i = 0; i < request_.sites.size(); ++i) {
    const Site& site = request_.sites[i];
    const auto kept = kept_.find({site.block, site.point});
    if (kept == kept_.end()) continue;
    const Tensor& activation = run_.at(site.point, site.block);
    const auto values = kept->second.values();
    to(i, activation, Tensor::of(activation.shape(), {values.data(), values.size()}));
  }
  kept_.clear();
}

Tensor Backward::through(std::initializer_list<std::pair<const Linear*, const Tensor*>> maps) const {
  Tensor sum;
  for (const auto& [w, dy] : maps) {
    const Packed packed = pack_backward(w->weight);
    Tensor part = Tensor::uninitialised({positions_, packed.out()});
    gemm(dy->data(), dy->columns(), positions_, {{Product{&packed, nullptr, part.data(), packed.out()}}});
    if (sum.empty())
      sum = std::move(part);
    else
      add(sum.data(), part.data(), sum.size(), sum.data());
  }
  return sum;
}

// y = h gain + bias with h = (x - mean) / s, s = sqrt(mean((x - mean)^2) + epsilon). With g the gradient by h, that by
// s is -sum(g h) / s, and through both x gets (g - mean(g) - h mean(g h)) / s; RMSNorm has no mean to take.
Tensor Backward::norm(const Norm& w, Point scale_point, Point normalized, int l, Tensor& d) {
  if (!w.gain.empty()) {
    const Tensor gain = w.gain.values();
    for_rows(d, [&](std::int64_t i) { multiply(d.row(i).data(), gain.data(), d.columns()); });
  }
  keep(normalized, l, d);
  const Tensor &h = run_.at(normalized, l), &scales = run_.at(scale_point, l);
  const double width = static_cast<double>(d.columns()), centred = config_.norm == NormKind::layer ? 1 : 0;
  Tensor by_scale({positions_, 1}), by_input = Tensor::uninitialised(d.shape());
  for_rows(d, [&](std::int64_t i) {
    const std::span<const float> g = d.row(i), normed = h.row(i);
    const std::span<float> x = by_input.row(i);
    const double s = static_cast<double>(scales.data()[i]);
    double sum = 0, product = 0;
    for (std::size_t k = 0; k < g.size(); ++k)
      sum += static_cast<double>(g[k]), product += static_cast<double>(g[k]) * static_cast<double>(normed[k]);
    by_scale.data()[i] = static_cast<float>(-product / s);
    for (std::size_t k = 0; k < g.size(); ++k)
      x[k] = static_cast<float>(
          (static_cast<double>(g[k]) - centred * sum / width - static_cast<double>(normed[k]) * product / width) / s);
  });
  keep(scale_point, l, by_scale);
  return by_input;
}

void Backward::add_through(const Norm& w, Point scale, Point normalized, Point result, int l, Tensor& d) {
  if (!config_.norm_before) return add_to(x_, d);
  keep(result, l, d);
  add_to(x_, norm(w, scale, normalized, l, d));
}

// The same for a norm whose steps are not sites, from its input: g becomes the gradient by x.
void norm_back(NormKind kind, float epsilon, const float* x, std::int64_t n, float* g) {
  const bool centred = kind == NormKind::layer;
  const double shift = centred ? mean(x, n) : 0,
               s = static_cast<double>(norm_scale(x, static_cast<float>(shift), n, epsilon));
  double sum = 0, product = 0;
  auto normed = [&](std::int64_t k) { return (static_cast<double>(x[k]) - shift) / s; };
  for (std::int64_t k = 0; k < n; ++k)
    sum += static_cast<double>(g[k]), product += static_cast<double>(g[k]) * normed(k);
  const double width = static_cast<double>(n);
  for (std::int64_t k = 0; k < n; ++k)
    g[k] =
        static_cast<float>((static_cast<double>(g[k]) - (centred ? sum / width : 0) - normed(k) * product / width) / s);
}

// The same for rows [T, n] of d, with a norm's gain.
void norm_rows_back(const Config& config, const PackedNorm& w, const Tensor& x, Tensor& d) {
  for_rows(d, [&](std::int64_t i) {
    if (!w.gain.empty()) multiply(d.row(i).data(), w.gain.data(), d.columns());
    norm_back(config.norm, config.epsilon, x.row(i).data(), d.columns(), d.row(i).data());
  });
}

void Backward::head(Target target, std::optional<Target> against) {
  const std::int64_t last = positions_ - 1;
  if (wanted(Point::logits, -1)) {
    Tensor d({positions_, config_.vocab});
    d.row(last)[static_cast<std::size_t>(target.token)] = 1;
    if (against) d.row(last)[static_cast<std::size_t>(against->token)] = -1;
    keep(Point::logits, -1, d);
  }
  Tensor d({positions_, config_.width});
  const Matrix& unembed = model_.weights().unembed;
  unembed.row(target.token, d.row(last).data());
  scale(d.row(last).data(), target.slope, config_.width);
  if (against) {
    std::vector<float> other(static_cast<std::size_t>(config_.width));
    unembed.row(against->token, other.data());
    for (std::size_t k = 0; k < other.size(); ++k) d.row(last)[k] -= against->slope * other[k];
  }
  keep(Point::ln_final, -1, d);
  x_ = config_.final_norm ? norm(model_.weights().ln_final, Point::ln_final_scale, Point::ln_final_normalized, -1, d)
                          : std::move(d);
}

Tensor Backward::before(Point out, const Norm& post, Point scale_point, Point normalized, int l, const Tensor& added) {
  keep(out, l, added);
  Tensor d = added.clone();
  if (config_.residual_scale != 1) scale(d.data(), config_.residual_scale, d.size());
  return config_.norm_after ? norm(post, scale_point, normalized, l, d) : std::move(d);
}

void Backward::block(int l) {
  const BlockWeights& w = model_.weights().blocks[static_cast<std::size_t>(l)];
  keep(Point::resid_post, l, x_);
  const float out_scale = config_.layers[static_cast<std::size_t>(l)].out_scale;
  if (out_scale != 1) scale(x_.data(), out_scale, x_.size());
  const PackedBlock packed = config_.norm_sums ? pack_block(model_, static_cast<std::size_t>(l)) : PackedBlock();
  auto through_sum = [&](const PackedNorm& norm_of_sum, Point stream, Point added) {
    if (!config_.norm_sums) return;
    Tensor sum = run_.at(stream, l).clone();
    add_to(sum, run_.at(added, l));
    norm_rows_back(config_, norm_of_sum, sum, x_);
  };
  through_sum(packed.ln2_post, Point::resid_mid, Point::mlp_out);
  if (config_.per_layer.width > 0) per_layer(l);
  const Tensor both = config_.parallel ? x_.clone() : Tensor();
  Tensor by_mlp = mlp(l, before(Point::mlp_out, w.ln2_post, Point::ln2_post_scale, Point::ln2_post_normalized, l, x_));
  if (!config_.one_norm) add_through(w.ln2, Point::ln2_scale, Point::ln2_normalized, Point::ln2, l, by_mlp);
  if (!config_.parallel) keep(Point::resid_mid, l, x_);
  through_sum(packed.ln1_post, Point::resid_pre, Point::attn_out);
  const Tensor& added = config_.parallel ? both : x_;
  Tensor by_attention =
      attention(l, before(Point::attn_out, w.ln1_post, Point::ln1_post_scale, Point::ln1_post_normalized, l, added));
  if (config_.one_norm) add_to(by_attention, by_mlp);
  add_through(w.ln1, Point::ln1_scale, Point::ln1_normalized, Point::ln1, l, by_attention);
  keep(Point::resid_pre, l, x_);
}

ExpertGradients Backward::experts(int l, const Tensor& read, const Tensor& out) {
  ExpertGradients g = experts_backward(model_, l,
                                       {read, run_.at(Point::router_probabilities, l), run_.at(Point::router_chosen, l),
                                        run_.at(Point::router_weights, l)},
                                       out);
  keep(Point::experts_shared, l, out), keep(Point::experts_out, l, g.out);
  keep(Point::router_weights, l, g.weights), keep(Point::router_chosen, l, g.chosen);
  keep(Point::router_probabilities, l, g.probabilities), keep(Point::router_logits, l, g.logits);
  return g;
}

Tensor Backward::mlp(int l, const Tensor& out) {
  if (!config_.layers[static_cast<std::size_t>(l)].experts) return dense(l, out);
  if (config_.experts.beside) return beside(l, out);
  ExpertGradients g = experts(l, run_.at(mlp_input(config_), l), out);
  add_to(g.input, g.router_input);
  return std::move(g.input);
}

// What the MLP and the experts gave before their norms is computed again, and what the experts read.
Tensor Backward::beside(int l, const Tensor& out) {
  const PackedBlock packed = pack_block(model_, static_cast<std::size_t>(l));
  const PackedExperts& w = packed.experts;
  const Tensor &mid = run_.at(Point::resid_mid, l), &post = run_.at(Point::mlp_post, l),
               &each = run_.at(Point::experts_out, l);
  Tensor given = Tensor::uninitialised(out.shape()), read = Tensor::uninitialised(out.shape()), by_mlp = out.clone();
  gemm(post.data(), post.columns(), positions_, {{product_of(packed.down, given.data(), given.columns())}});
  norm_rows_back(config_, w.mlp_post, given, by_mlp);
  Tensor d = dense(l, by_mlp), sum({positions_, config_.width}), by_experts = out.clone();
  for_rows(sum, [&](std::int64_t t) {
    for (std::int64_t j = 0; j < config_.experts.chosen; ++j)
      add(sum.row(t).data(), each.data() + (t * config_.experts.chosen + j) * config_.width, config_.width,
          sum.row(t).data());
  });
  norm_rows_back(config_, w.ln_post, sum, by_experts);
  norm_rows(config_, w.ln, mid, read);
  ExpertGradients g = experts(l, read, by_experts);
  norm_rows_back(config_, w.ln, mid, g.input), norm_rows_back(config_, w.router_ln, mid, g.router_input);
  add_to(x_, g.input), add_to(x_, g.router_input);
  return d;
}

void Backward::per_layer(int l) {
  const BlockWeights& w = model_.weights().blocks[static_cast<std::size_t>(l)];
  keep(Point::per_layer_out, l, x_);
  Tensor given = x_.clone();
  const Tensor by_normed =
      norm(w.per_layer_post, Point::per_layer_post_scale, Point::per_layer_post_normalized, l, given);
  Tensor d = through({{&w.per_layer_out, &by_normed}});
  const Tensor &gate = run_.at(Point::per_layer_gate, l), &vectors = run_.at(Point::per_layer_in, l);
  Tensor by_vectors = gate.clone();
  for_rows(d, [&](std::int64_t t) {  // f(gate) vector
    float *own = by_vectors.row(t).data(), *by_gate = d.row(t).data();
    activate(config_.activation, own, d.columns());
    multiply(own, by_gate, d.columns());
    multiply(by_gate, vectors.row(t).data(), d.columns());
    activate_backward(config_.activation, gate.row(t).data(), by_gate, d.columns());
  });
  keep(Point::per_layer_in, l, by_vectors), keep(Point::per_layer_gate, l, d);
  add_to(x_, through({{&w.per_layer_gate, &d}}));
  if (wanted(Point::wte, -1)) per_layer_vectors(l, by_vectors);
}

void Backward::per_layer_vectors(int l, Tensor& d) {
  const PerLayer& p = config_.per_layer;
  const PackedBlock packed = pack_block(model_, static_cast<std::size_t>(l));
  Tensor embedding = run_.at(Point::wte, -1).clone(), made = Tensor::uninitialised(d.shape());
  scale(embedding.data(), config_.embedding_scale, embedding.size());
  gemm(embedding.data(), embedding.columns(), positions_,
       {{product_of(packed.per_layer_in, made.data(), made.columns())}});
  scale(made.data(), p.made_scale, made.size()), scale(d.data(), p.sum_scale, d.size());
  norm_rows_back(config_, packed.per_layer_ln, made, d);
  scale(d.data(), p.made_scale, d.size());
  if (by_embedding_.empty()) by_embedding_ = Tensor({positions_, config_.width});
  add_to(by_embedding_, through({{&model_.weights().blocks[static_cast<std::size_t>(l)].per_layer_in, &d}}));
}

Tensor Backward::dense(int l, const Tensor& out) {
  const BlockWeights& w = model_.weights().blocks[static_cast<std::size_t>(l)];
  Tensor d = through({{&w.down, &out}});
  keep(Point::mlp_post, l, d);
  const Tensor& pre = run_.at(Point::mlp_pre, l);
  const std::int64_t f = d.columns();
  Tensor up;
  if (config_.gated_mlp) {  // post = f(pre) up
    up = pre.clone();
    const Tensor& factor = run_.at(Point::mlp_up, l);
    for_rows(d, [&](std::int64_t i) {
      activate(config_.activation, up.row(i).data(), f);
      multiply(up.row(i).data(), d.row(i).data(), f);
      multiply(d.row(i).data(), factor.row(i).data(), f);
    });
    keep(Point::mlp_up, l, up);
  }
  const Xielu& numbers = config_.layers[static_cast<std::size_t>(l)].xielu;
  for_rows(d, [&](std::int64_t i) {
    activate_backward(config_.activation, pre.row(i).data(), d.row(i).data(), f, numbers);
  });
  keep(Point::mlp_pre, l, d);
  return config_.gated_mlp ? through({{&w.gate, &d}, {&w.up, &up}}) : through({{&w.up, &d}});
}

Tensor Backward::attention(int l, const Tensor& out) {
  const BlockWeights& w = model_.weights().blocks[static_cast<std::size_t>(l)];
  const Tensor dz = through({{&w.o, &out}});
  keep(Point::z, l, dz);
  const Layer& layer = config_.layers[static_cast<std::size_t>(l)];
  Tensor dq({positions_, w.q.weight.out}), dk({positions_, layer.kv_heads * layer.head_width}),
      dv({positions_, layer.kv_heads * layer.value_width});
  attend(l, dz, dq, dk, dv);
  if (layer.keys_of >= 0) {
    auto [known, first] = by_later_.try_emplace(layer.keys_of);
    auto give = [first = first](Tensor& d, Tensor& to) { first ? (void)(to = std::move(d)) : add_to(to, d); };
    give(dk, known->second.keys), give(dv, known->second.values);
    dk = Tensor(), dv = Tensor();
  } else if (const auto later = by_later_.find(l); later != by_later_.end()) {
    add_to(dk, later->second.keys), add_to(dv, later->second.values);
  }
  return read_keys(l, dq, dk, dv);
}

// Without keys and values of its own, dk and dv are empty.
Tensor Backward::read_keys(int l, Tensor& dq, Tensor& dk, Tensor& dv) {
  const BlockWeights& w = model_.weights().blocks[static_cast<std::size_t>(l)];
  const Layer& layer = config_.layers[static_cast<std::size_t>(l)];
  const bool own = !dk.empty();
  if (config_.qk_norm_after) unnorm(l, dq, dk, Point::rot_q, Point::rot_k);
  if (config_.position == PositionKind::rotary) {
    keep(Point::rot_q, l, dq);
    if (own) keep(Point::rot_k, l, dk);
    unrotate(l, dq, dk);
  }
  if (!config_.qk_norm_after) unnorm(l, dq, dk, Point::q, Point::k);
  keep(Point::q, l, dq);
  if (!config_.clip_after_norm) unclip(dq, Point::q, l);
  if (!own) return through({{&w.q, &dq}});
  if (config_.v_norm) keep(Point::normed_v, l, dv), unnorm_values(l, dv);
  keep(Point::v, l, dv);
  if (layer.values_of_keys) add_to(dk, dv);
  keep(Point::k, l, dk);
  if (!config_.clip_after_norm) unclip(dk, Point::k, l);
  unclip(dv, Point::v, l);
  if (layer.values_of_keys) return through({{&w.q, &dq}, {&w.k, &dk}});
  return config_.latents.rank == 0 ? through({{&w.q, &dq}, {&w.k, &dk}, {&w.v, &dv}}) : latents(l, dq, dk, dv);
}

// Keys and values come of one latent, the part of a key that turns beside it for all heads; queries perhaps of another.
Tensor Backward::latents(int l, const Tensor& dq, const Tensor& dk, const Tensor& dv) {
  const BlockWeights& w = model_.weights().blocks[static_cast<std::size_t>(l)];
  const PackedBlock packed = pack_block(model_, static_cast<std::size_t>(l));
  const Latents& latents = config_.latents;
  const Tensor& input = run_.at(config_.norm_before ? Point::ln1 : Point::resid_pre, l);
  const std::int64_t width = config_.layers[static_cast<std::size_t>(l)].head_width, own = width - latents.turned;
  Tensor d_own = Tensor::uninitialised({positions_, config_.heads * own}),
         d_latent({positions_, latents.rank + latents.turned});
  for_rows(d_own, [&](std::int64_t t) {
    for (std::int64_t h = 0; h < config_.heads; ++h) {
      const float* from = dk.row(t).data() + h * width;
      std::copy_n(from, own, d_own.row(t).data() + h * own);
      float* shared = d_latent.row(t).data() + latents.rank;
      add(shared, from + own, latents.turned, shared);
    }
  });
  const Tensor by_normed = through({{&w.k, &d_own}, {&w.v, &dv}});
  latent_back(packed.kv_latent, packed.kv_latent_norm, input, by_normed, d_latent);
  if (latents.query_rank == 0) return through({{&w.q, &dq}, {&w.kv_latent, &d_latent}});
  Tensor d_query({positions_, latents.query_rank});
  latent_back(packed.q_latent, packed.q_latent_norm, input, through({{&w.q, &dq}}), d_query);
  return through({{&w.q_latent, &d_query}, {&w.kv_latent, &d_latent}});
}

// by_normed [T, rank] -> the first `rank` of each row of d, through the latent's norm; what was normed is computed
// again.
void Backward::latent_back(const PackedLinear& map, const PackedNorm& norm, const Tensor& input,
                           const Tensor& by_normed, Tensor& d) const {
  const std::int64_t rank = by_normed.columns(), width = map.weight.out();
  Tensor before = Tensor::uninitialised({positions_, width});
  gemm(input.data(), input.columns(), positions_, {{product_of(map, before.data(), width)}});
  for_rows(d, [&](std::int64_t t) {
    float* to = std::copy_n(by_normed.row(t).data(), rank, d.row(t).data()) - rank;
    if (!norm.gain.empty()) multiply(to, norm.gain.data(), rank);
    norm_back(NormKind::rms, config_.latents.epsilon, before.row(t).data(), rank, to);
  });
}

void Backward::unrotate(int l, Tensor& dq, Tensor& dk) const {
  const Layer& layer = config_.layers[static_cast<std::size_t>(l)];
  if (layer.grows)
    for_rows(dq, [&](std::int64_t t) { scale(dq.row(t).data(), query_growth(config_, t), dq.columns()); });
  if (layer.rope < 0) return;
  for (auto [d, heads] : {std::pair{&dq, config_.heads}, {&dk, layer.kv_heads}}) {
    if (d->empty()) continue;
    for_rows(*d, [&, d, heads](std::int64_t t) {
      rotary_[static_cast<std::size_t>(layer.rope)].turn(d->row(t).data(), heads, layer.head_width, t, true);
    });
  }
}

void Backward::unnorm(int l, Tensor& dq, Tensor& dk, Point q, Point k) {
  if (config_.qk_norm == QkNorm::none) return;
  const BlockWeights& w = model_.weights().blocks[static_cast<std::size_t>(l)];
  const Layer& layer = config_.layers[static_cast<std::size_t>(l)];
  auto back = [&](Tensor& d, Point normed, const Norm& norm, Point input, std::int64_t heads) {
    if (d.empty()) return;
    keep(normed, l, d);
    if (config_.clip_after_norm) unclip(d, normed, l);
    if (!config_.qk_norm_after || layer.rope >= 0) norm_heads_back(d, norm, input, l, heads);
  };
  back(dq, Point::normed_q, w.q_norm, q, config_.heads), back(dk, Point::normed_k, w.k_norm, k, layer.kv_heads);
}

void Backward::unnorm_values(int l, Tensor& dv) const {
  const std::int64_t n = config_.layers[static_cast<std::size_t>(l)].value_width;
  const float* x = run_.at(Point::v, l).data();
  for_rows(dv, [&](std::int64_t t) {
    for (std::int64_t first = 0; first < dv.columns(); first += n)
      norm_back(NormKind::rms, config_.epsilon, x + t * dv.columns() + first, n, dv.row(t).data() + first);
  });
}

// Clipped values have gradient 0.
void Backward::unclip(Tensor& d, Point point, int l) const {
  if (config_.qkv_clip == 0) return;
  const Tensor& values = run_.at(point, l);
  for (std::size_t i = 0; i < d.values().size(); ++i) {
    if (std::abs(values.values()[i]) >= config_.qkv_clip) d.values()[i] = 0;
  }
}

void Backward::norm_heads_back(Tensor& d, const Norm& w, Point input, int l, std::int64_t heads) const {
  const std::int64_t parts = config_.qk_norm == QkNorm::together ? 1 : heads, n = d.columns() / parts;
  const Tensor gain = w.gain.empty() ? Tensor() : w.gain.values();
  const float* x = run_.at(input, l).data();
  for_rows(d, [&](std::int64_t i) {
    for (std::int64_t p = 0; p < parts; ++p) {
      float* part = d.row(i).data() + p * n;
      if (!gain.empty()) multiply(part, gain.data() + (gain.size() == d.columns() ? p * n : 0), n);
      norm_back(config_.qk_norm_kind, config_.epsilon, x + i * d.columns() + p * n, n, part);
    }
  });
}

// Each head of keys and values is one thread's, which adds up those of the queries that share it in order.
void Backward::attend(int l, const Tensor& dz, Tensor& dq, Tensor& dk, Tensor& dv) {
  const bool maps = wanted(Point::pattern, l) || wanted(Point::scores, l);
  const auto [q_point, k_point] = meeting(config_);
  const Layer& layer = config_.layers[static_cast<std::size_t>(l)];
  const int from = layer.keys_of < 0 ? l : layer.keys_of;
  const Tensor &q = run_.at(q_point, l), &k = run_.at(k_point, from);
  const Tensor& v = run_.at(summed_values(config_), from);
  const std::int64_t t = positions_, width = layer.head_width, group = config_.heads / layer.kv_heads,
                     value_width = layer.value_width;
  const Vector& of_block = model_.weights().blocks[static_cast<std::size_t>(l)].sinks;
  const Tensor sinks = of_block.empty() ? Tensor() : of_block.values();
  Tensor pattern, scores;
  if (maps) pattern = Tensor({config_.heads, t, t}), scores = Tensor({config_.heads, t, t});
  parallel_for(layer.kv_heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t h = begin * group; h < end * group; ++h) {
      const std::int64_t at = h * width, kv = h / group * width, value = h / group * value_width;
      const HeadShape shape = head_shape(config_, h, l, sinks.empty() ? nullptr : sinks.data());
      const HeadPass pass{
          t, shape, q.data() + at, k.data() + kv, v.data() + value, dq.columns(), dk.columns(), dv.columns(), {}, 0};
      HeadGradients d{dq.data() + at, dk.data() + kv, dv.data() + value, h % group != 0};
      if (maps) d.pattern = pattern.data() + h * t * t, d.scores = scores.data() + h * t * t;
      attend_backward(pass, dz.data() + h * value_width, dz.columns(), d);
    }
  });
  if (maps) keep(Point::pattern, l, pattern), keep(Point::scores, l, scores);
}

void Backward::embedding() {
  if (config_.embedding_norm) {
    const Norm& w = model_.weights().embedding_norm;
    const Tensor gain = w.gain.empty() ? Tensor() : w.gain.values();
    const Tensor& wte = run_.at(Point::wte, -1);
    for_rows(x_, [&](std::int64_t i) {
      std::vector<float> x(wte.row(i).begin(), wte.row(i).end());
      scale(x.data(), config_.embedding_scale, config_.width);
      if (!gain.empty()) multiply(x_.row(i).data(), gain.data(), config_.width);
      norm_back(config_.norm, config_.epsilon, x.data(), config_.width, x_.row(i).data());
    });
  }
  keep(Point::wpe, -1, x_);
  if (!by_embedding_.empty()) add_to(x_, by_embedding_);
  if (config_.embedding_scale != 1) scale(x_.data(), config_.embedding_scale, x_.size());
  keep(Point::wte, -1, x_);
}

bool below_blocks(Point point) { return point == Point::wte || point == Point::wpe; }

// The lowest block that the backward pass reaches; the number of blocks if it ends at the final norm. Without those
// whose keys others read, these cannot be run again.
int lowest_block(const GradientRequest& r, const Config& config) {
  int lowest = static_cast<int>(config.blocks);
  for (const Site& site : r.sites)
    lowest = std::min(lowest, below_blocks(site.point) ? 0 : site.block < 0 ? lowest : site.block);
  return lowest == config.blocks ? lowest : std::min(lowest, first_read_by_others(config));
}

// The sites that the backward pass reads, and the requested sites.
std::vector<Site> captured_sites(const GradientRequest& r, const Config& config) {
  const auto [q, k] = meeting(config);
  std::vector<Point> needed = {q, k, summed_values(config), Point::v, Point::mlp_pre};
  auto also = [&](bool there, std::initializer_list<Point> points) {
    for (Point point : points) {
      if (there) needed.push_back(point);
    }
  };
  also(config.norm_before, {Point::ln1_scale, Point::ln1_normalized});
  also(config.norm_before && !config.one_norm, {Point::ln2_scale, Point::ln2_normalized});
  also(config.norm_sums, {Point::resid_pre, Point::attn_out, Point::resid_mid, Point::mlp_out});
  also(config.norm_after,
       {Point::ln1_post_scale, Point::ln1_post_normalized, Point::ln2_post_scale, Point::ln2_post_normalized});
  also(config.latents.rank > 0, {config.norm_before ? Point::ln1 : Point::resid_pre});
  also(config.qk_norm != QkNorm::none || config.qkv_clip != 0, {Point::q, Point::k});
  also(config.qk_norm != QkNorm::none && config.qk_norm_after, {Point::rot_q, Point::rot_k});
  also(config.clip_after_norm && config.qk_norm != QkNorm::none, {Point::normed_q, Point::normed_k});
  also(config.gated_mlp, {Point::mlp_up});
  also(config.experts.count > 0,
       {mlp_input(config), Point::router_probabilities, Point::router_chosen, Point::router_weights});
  also(config.experts.beside, {Point::resid_mid, Point::mlp_post, Point::experts_out});
  also(config.per_layer.width > 0,
       {Point::per_layer_in, Point::per_layer_gate, Point::per_layer_post_scale, Point::per_layer_post_normalized});
  std::vector<Site> sites = r.sites;
  auto need = [&](Site site) {
    if (has_site(config, site) && std::ranges::find(sites, site) == sites.end()) sites.push_back(site);
  };
  for (int l = lowest_block(r, config); l < static_cast<int>(config.blocks); ++l) {
    for (Point point : needed) need({point, l});
  }
  if (config.embedding_norm || config.per_layer.width > 0) need({Point::wte, -1});
  if (config.final_norm) need({Point::ln_final_scale, -1}), need({Point::ln_final_normalized, -1});
  return sites;
}

float slope_of(const Config& config, float logit) {
  return config.logit_scale * (config.logit_cap != 0 ? soft_cap_slope(config.logit_cap, logit) : 1);
}

// Writes the tokens and their logit to the result: the derivatives of both.
std::pair<float, float> read_logits(const Transformer& transformer, const GradientRequest& r, const Tensor& of_run,
                                    GradientResult& result) {
  std::pair<float, float> slopes;
  const auto logits = of_run.values();
  result.target = r.target.value_or(static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin()));
  result.against = r.against;
  if (result.against == result.target)
    throw Error(Code::usage, "gradient",
                fmt::format("{} against itself: choose two tokens", transformer.model().label(result.target)));
  result.logit = static_cast<double>(logits[static_cast<std::size_t>(result.target)]);
  slopes.first = slope_of(transformer.config(), logits[static_cast<std::size_t>(result.target)]);
  if (r.against) {
    const float logit = logits[static_cast<std::size_t>(*r.against)];
    result.logit -= static_cast<double>(logit);
    slopes.second = slope_of(transformer.config(), logit);
  }
  return slopes;
}

}  // namespace

GradientResult gradient(const Transformer& transformer, const GradientRequest& r, const Progress& progress) {
  GradientResult result;
  result.position = position_in(r.ids.size(), r.position, "gradient");
  for (const auto& id : {r.target, r.against}) {
    if (id) token_in(transformer.config(), *id, "gradient");
  }
  constexpr double forward = 0.3;  // its share, roughly
  const std::int64_t positions = result.position + 1;
  Replay run(transformer, {r.ids.begin(), r.ids.begin() + positions}, captured_sites(r, transformer.config()), r.held);
  const Tensor logits = run.run({}, part_of(progress, 0, forward));
  const auto slopes = read_logits(transformer, r, logits, result);
  Backward backward(transformer.model(), run, r, positions);
  if (!r.seen) result.activations.resize(r.sites.size()), result.gradients.resize(r.sites.size());
  std::vector<bool> known(r.sites.size());
  auto hand_on = [&] {
    backward.hand_on([&](std::size_t i, const Tensor& activation, Tensor gradient) {
      known[i] = true;
      if (r.seen) return r.seen(r.sites[i], activation, gradient);
      result.activations[i] = activation.clone(), result.gradients[i] = std::move(gradient);
    });
  };
  backward.head({result.target, slopes.first},
                result.against ? std::optional(Backward::Target{*result.against, slopes.second}) : std::nullopt);
  hand_on();
  const int blocks = static_cast<int>(transformer.config().blocks);
  for (int l = blocks; l-- > run.groups().lowest;) {
    report(progress, forward + (1 - forward) * (blocks - l) / (blocks + 1), "block by block, backward");
    backward.block(l);
    hand_on();
  }
  backward.embedding();
  hand_on();
  const auto missing = std::ranges::find(known, false);
  if (missing != known.end())
    throw Error(Code::unsupported, r.sites[static_cast<std::size_t>(missing - known.begin())].name(),
                "the backward pass does not compute gradients at this site");
  return result;
}

}  // namespace embscope
