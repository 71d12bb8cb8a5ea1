// The parameters of a block, listed once: what is read, made ready for products, trained, compared and counted derives
// from it.
#pragma once

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "embscope/model/model.h"

namespace embscope {

/// What a parameter does in its block.
enum class Role {
  norm,         ///< of the residual stream
  head_norm,    ///< of queries or keys
  latent_norm,  ///< of latents
  latent,       ///< into latents
  query,        ///< of all heads
  key,
  value,
  attention_out,  ///< to the residual stream
  mlp_in,         ///< gate and up
  mlp_out,        ///< to the residual stream
  sinks,
  router,
  correction,  ///< of the router's choice
  shared_gate,
  scales,        ///< of the experts' weights
  per_layer_in,  ///< to a block's own vector of a position
  per_layer_norm,
  per_layer_gate,
  per_layer_out,  ///< to the residual stream
};

/// One parameter: a linear map [out, in], or a norm or vector [out].
struct BlockPart {
  std::string name;  ///< "q", "experts.3.gate"
  Role role;
  std::int64_t out, in = 1;
  std::string words = {};  ///< "expert 3's gate", where the name is no word
  const std::string& in_words() const { return words.empty() ? name : words; }
};

template <class F, class... Experts>
void visit_expert(const std::string& at, const std::string& whose, std::int64_t width, std::int64_t d, F&& f,
                  Experts&... e) {
  f(BlockPart{at + "gate", Role::mlp_in, width, d, whose + "gate"}, e.gate...);
  f(BlockPart{at + "up", Role::mlp_in, width, d, whose + "up"}, e.up...);
  f(BlockPart{at + "down", Role::mlp_out, d, width, whose + "down"}, e.down...);
}

/// f(part, that part of each of `e`) for all parameters of a mixture of experts. Precondition: `each` has Config's
/// count of experts in all.
template <class F, class... Mixtures>
void visit_experts(const Config& c, F&& f, Mixtures&... e) {
  const Experts& x = c.experts;
  f(BlockPart{"experts.router", Role::router, x.count, c.width, "router"}, e.router...);
  f(BlockPart{"experts.correction", Role::correction, x.count, 1, "the router's correction"}, e.correction...);
  f(BlockPart{"experts.scales", Role::scales, x.count, 1, "factors of the experts' weights"}, e.scales...);
  if (x.beside) {
    f(BlockPart{"experts.ln", Role::norm, c.width, 1, "the experts' norm"}, e.ln...);
    f(BlockPart{"experts.router_ln", Role::norm, c.width, 1, "the router's norm"}, e.router_ln...);
    f(BlockPart{"experts.ln_post", Role::norm, c.width, 1, "the norm after the experts"}, e.ln_post...);
    f(BlockPart{"experts.mlp_post", Role::norm, c.width, 1, "the norm after the MLP"}, e.mlp_post...);
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(x.count); ++i) {
    visit_expert(fmt::format("experts.{}.", i), fmt::format("expert {}'s ", i), x.width, c.width, f, e.each[i]...);
  }
  if (x.shared_width == 0) return;
  visit_expert("experts.shared.", "shared expert's ", x.shared_width, c.width, f, e.shared...);
  f(BlockPart{"experts.shared_gate", Role::shared_gate, 1, c.width, "shared expert's own gate"}, e.shared_gate...);
}

/// What a reader left open in a layer is as the Config says it for all.
inline void complete_layers(Config& c) {
  if (c.value_width == 0) c.value_width = c.head_width;
  for (Layer& layer : c.layers) {
    auto complete = [](std::int64_t& own, std::int64_t all) { own = own == 0 ? all : own; };
    complete(layer.value_width, layer.head_width == 0 ? c.value_width : layer.head_width);
    complete(layer.kv_heads, c.kv_heads), complete(layer.head_width, c.head_width);
    complete(layer.mlp_width, c.mlp_width);
  }
}

/// Whether later blocks read the keys and values of block l.
inline bool read_by_others(const Config& c, int l) {
  return std::ranges::find(c.layers, l, &Layer::keys_of) != c.layers.end();
}

template <class F, class... Blocks>
void visit_attention(const Config& c, const Layer& layer, F&& f, Blocks&... b) {
  const std::int64_t d = c.width, heads = c.heads * layer.head_width, values = c.heads * layer.value_width,
                     keys = layer.kv_heads * layer.head_width;
  const bool own_keys = layer.keys_of < 0, own_values = own_keys && !layer.values_of_keys;
  const Latents& l = c.latents;
  if (l.query_rank > 0) {
    f(BlockPart{"q_latent", Role::latent, l.query_rank, d}, b.q_latent...);
    f(BlockPart{"q_latent_norm", Role::latent_norm, l.query_rank}, b.q_latent_norm...);
  }
  f(BlockPart{"q", Role::query, heads, l.query_rank > 0 ? l.query_rank : d}, b.q...);
  if (l.rank > 0) {
    f(BlockPart{"kv_latent", Role::latent, l.rank + l.turned, d}, b.kv_latent...);
    f(BlockPart{"kv_latent_norm", Role::latent_norm, l.rank}, b.kv_latent_norm...);
    f(BlockPart{"k", Role::key, c.heads * (layer.head_width - l.turned), l.rank}, b.k...);
    f(BlockPart{"v", Role::value, values, l.rank}, b.v...);
  } else {
    if (own_keys) f(BlockPart{"k", Role::key, keys, d}, b.k...);
    if (own_values) f(BlockPart{"v", Role::value, layer.kv_heads * layer.value_width, d}, b.v...);
  }
  if (c.qk_norm != QkNorm::none) {
    f(BlockPart{"q_norm", Role::head_norm, heads}, b.q_norm...);
    if (own_keys) f(BlockPart{"k_norm", Role::head_norm, keys}, b.k_norm...);
  }
  if (c.sinks) f(BlockPart{"sinks", Role::sinks, c.heads}, b.sinks...);
  f(BlockPart{"o", Role::attention_out, d, values}, b.o...);
}

template <class F, class... Blocks>
void visit_per_layer(const Config& c, F&& f, Blocks&... b) {
  const std::int64_t d = c.width, p = c.per_layer.width;
  f(BlockPart{"per_layer_in", Role::per_layer_in, p, d}, b.per_layer_in...);
  f(BlockPart{"per_layer_ln", Role::per_layer_norm, p}, b.per_layer_ln...);
  f(BlockPart{"per_layer_gate", Role::per_layer_gate, p, d}, b.per_layer_gate...);
  f(BlockPart{"per_layer_out", Role::per_layer_out, d, p}, b.per_layer_out...);
  f(BlockPart{"per_layer_post", Role::norm, d}, b.per_layer_post...);
}

/// Whether a block has an MLP: in place of experts or beside them.
inline bool has_mlp(const Config& c, const Layer& layer) { return !layer.experts || c.experts.beside; }

/// f(part, that part of each of `b`) for all parameters that a block like `layer` has, in the order in which the pass
/// comes to them; a mixture of experts as a whole, f(e.experts...). Each of `b` has the members of BlockOf.
template <class F, class... Blocks>
void visit(const Config& c, const Layer& layer, F&& f, Blocks&... b) {
  const std::int64_t d = c.width, width = layer.mlp_width;
  if (c.norm_before) f(BlockPart{"ln1", Role::norm, d}, b.ln1...);
  visit_attention(c, layer, f, b...);
  if (c.norm_after || c.norm_sums) f(BlockPart{"ln1_post", Role::norm, d}, b.ln1_post...);
  if (c.norm_before && !c.one_norm) f(BlockPart{"ln2", Role::norm, d}, b.ln2...);
  if (has_mlp(c, layer)) {
    if (c.gated_mlp) f(BlockPart{"gate", Role::mlp_in, width, d}, b.gate...);
    f(BlockPart{"up", Role::mlp_in, width, d}, b.up...);
    f(BlockPart{"down", Role::mlp_out, d, width}, b.down...);
  }
  if (layer.experts) f(b.experts...);
  if (c.norm_after || c.norm_sums) f(BlockPart{"ln2_post", Role::norm, d}, b.ln2_post...);
  if (c.per_layer.width > 0) visit_per_layer(c, f, b...);
}

}  // namespace embscope
