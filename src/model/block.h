// The parameters of a block, listed once: what is read, made ready for products, trained, compared and counted derives
// from it.
#pragma once

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
  for (std::size_t i = 0; i < static_cast<std::size_t>(x.count); ++i) {
    visit_expert(fmt::format("experts.{}.", i), fmt::format("expert {}'s ", i), x.width, c.width, f, e.each[i]...);
  }
  if (x.shared_width == 0) return;
  visit_expert("experts.shared.", "shared expert's ", x.shared_width, c.width, f, e.shared...);
  f(BlockPart{"experts.shared_gate", Role::shared_gate, 1, c.width, "shared expert's own gate"}, e.shared_gate...);
}

/// f(part, that part of each of `b`) for all parameters that a block like `layer` has, in the order in which the pass
/// comes to them; a mixture of experts as a whole, f(e.experts...). Each of `b` has the members of BlockOf.
template <class F, class... Blocks>
void visit(const Config& c, const Layer& layer, F&& f, Blocks&... b) {
  const std::int64_t d = c.width, heads = c.heads * c.head_width, values = c.heads * c.value_width;
  const Latents& l = c.latents;
  if (c.norm_before) f(BlockPart{"ln1", Role::norm, d}, b.ln1...);
  if (l.query_rank > 0) {
    f(BlockPart{"q_latent", Role::latent, l.query_rank, d}, b.q_latent...);
    f(BlockPart{"q_latent_norm", Role::latent_norm, l.query_rank}, b.q_latent_norm...);
  }
  f(BlockPart{"q", Role::query, heads, l.query_rank > 0 ? l.query_rank : d}, b.q...);
  if (l.rank > 0) {
    f(BlockPart{"kv_latent", Role::latent, l.rank + l.turned, d}, b.kv_latent...);
    f(BlockPart{"kv_latent_norm", Role::latent_norm, l.rank}, b.kv_latent_norm...);
    f(BlockPart{"k", Role::key, c.heads * (c.head_width - l.turned), l.rank}, b.k...);
    f(BlockPart{"v", Role::value, values, l.rank}, b.v...);
  } else {
    f(BlockPart{"k", Role::key, c.kv_heads * c.head_width, d}, b.k...);
    f(BlockPart{"v", Role::value, c.kv_heads * c.value_width, d}, b.v...);
  }
  if (c.qk_norm != QkNorm::none) {
    f(BlockPart{"q_norm", Role::head_norm, heads}, b.q_norm...);
    f(BlockPart{"k_norm", Role::head_norm, c.kv_heads * c.head_width}, b.k_norm...);
  }
  if (c.sinks) f(BlockPart{"sinks", Role::sinks, c.heads}, b.sinks...);
  f(BlockPart{"o", Role::attention_out, d, values}, b.o...);
  if (c.norm_after) f(BlockPart{"ln1_post", Role::norm, d}, b.ln1_post...);
  if (c.norm_before && !c.one_norm) f(BlockPart{"ln2", Role::norm, d}, b.ln2...);
  if (layer.experts) {
    f(b.experts...);
  } else {
    if (c.gated_mlp) f(BlockPart{"gate", Role::mlp_in, c.mlp_width, d}, b.gate...);
    f(BlockPart{"up", Role::mlp_in, c.mlp_width, d}, b.up...);
    f(BlockPart{"down", Role::mlp_out, d, c.mlp_width}, b.down...);
  }
  if (c.norm_after) f(BlockPart{"ln2_post", Role::norm, d}, b.ln2_post...);
}

}  // namespace embscope
