// Mixtures of experts, and latent attention, in GGUF files.
#include "model/gguf_experts.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "model/gguf.h"
#include "model/rope.h"

namespace embscope::gguf {

namespace {

// The last blocks, which block_count counts too, may be there for training alone.
void leave_predicting_blocks(const Metadata& meta, Config& c, Names& n) {
  n.predicting_blocks = meta.integer(".nextn_predict_layers", 0);
  if (n.predicting_blocks < 0 || n.predicting_blocks >= c.blocks)
    throw Error(Code::format, meta.where(),
                fmt::format("{} of {} blocks predict further tokens", n.predicting_blocks, c.blocks));
  c.blocks -= n.predicting_blocks;
  c.layers.resize(static_cast<std::size_t>(c.blocks));
}

}  // namespace

void read_experts(const Metadata& meta, Config& c, Names& n, const ExpertDefaults& d) {
  leave_predicting_blocks(meta, c, n);
  Experts& e = c.experts;
  e.count = meta.integer(".expert_count"), e.chosen = meta.integer(".expert_used_count");
  e.width = meta.integer(".expert_feed_forward_length", c.mlp_width);
  const std::int64_t router = meta.integer(".expert_gating_func", 0);  // 0 where it is left to the architecture
  if (router < 0 || router > 2)
    throw Error(
        Code::unsupported, meta.where(),
        fmt::format("{}.expert_gating_func {}: 1 (softmax) and 2 (sigmoid) are known", meta.architecture(), router));
  e.router = router == 0 ? d.router : router == 1 ? RouterKind::softmax : RouterKind::sigmoid;
  e.normalised = meta.truth(".expert_weights_norm", d.normalised);
  e.scale = static_cast<float>(meta.number(".expert_weights_scale", 1));
  if (e.scale == 0) e.scale = 1;  // which llama.cpp takes for none
  e.groups = std::max<std::int64_t>(meta.integer(".expert_group_count", 1), 1);
  e.groups_chosen = std::max<std::int64_t>(meta.integer(".expert_group_used_count", 1), 1);
  e.group_best = e.router == RouterKind::sigmoid ? 2 : 1;  // DeepSeek-V3's, DeepSeek-V2's
  const std::int64_t beside = meta.integer(".expert_shared_count", 0);
  e.shared_width = meta.integer(".expert_shared_feed_forward_length", d.shared ? beside * e.width : 0);
  const std::int64_t dense = meta.integer(".leading_dense_block_count", 0);
  for (std::size_t l = 0; l < c.layers.size(); ++l) c.layers[l].experts = static_cast<std::int64_t>(l) >= dense;
  const auto routed = std::ranges::find(c.layers, true, &Layer::experts);
  for (const char* name : {"exp_probs_b.bias", "exp_probs_b"}) {
    const std::string correction = fmt::format("blk.{}.{}", routed - c.layers.begin(), name);
    if (meta.archive().find(correction) != nullptr) n.experts.correction = name;
  }
  check_experts(c, meta.where());
}

void read_latents(const Metadata& meta, Config& c, Names& n) {
  const bool apart = meta.has(".attention.key_length_mla");  // then the other lengths are the latent's
  meta.ignore(".attention.value_length");
  if (apart) c.head_width = meta.integer(".attention.key_length_mla");
  c.value_width = meta.integer(apart ? ".attention.value_length_mla" : ".attention.value_length");
  c.kv_heads = c.heads;
  const std::int64_t turned = meta.integer(".rope.dimension_count"), own = c.head_width - turned;
  c.latents = {meta.integer(".attention.q_lora_rank", 0), meta.integer(".attention.kv_lora_rank"), turned, c.epsilon};
  for (std::int64_t size : {own, turned, c.value_width, c.latents.rank}) {
    if (size < 1 || size > (1 << 16))
      throw Error(Code::format, meta.where(), fmt::format("latent attention with a part of {} values", size));
  }
  if (c.latents.query_rank < 0 || c.latents.query_rank > (1 << 16))
    throw Error(Code::format, meta.where(), fmt::format("a q_lora_rank of {}", c.latents.query_rank));
  n.q = c.latents.query_rank > 0 ? "attn_q_b" : "attn_q";
  n.q_latent = "attn_q_a", n.q_latent_norm = "attn_q_a_norm";
  n.kv_latent = "attn_kv_a_mqa", n.kv_latent_norm = "attn_kv_a_norm", n.kv = "attn_kv_b";
  n.k_of_latent = "attn_k_b", n.v_of_latent = "attn_v_b";
  c.ropes[0].first = own;
}

void olmoe(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  norm_queries_keys(c, n, QkNorm::together);
  c.clip_after_norm = true, c.qkv_clip = static_cast<float>(meta.number(".attention.clamp_kqv", 0));
  read_experts(meta, c, n, {});
}

void qwen2moe(const Metadata& meta, Config& c, Names& n) {
  qwen2(meta, c, n);
  read_experts(meta, c, n, {});
  c.experts.shared_width = meta.integer(".expert_shared_feed_forward_length");
  n.experts.shared_factor = "ffn_gate_inp_shexp";
  check_experts(c, meta.where());
}

void qwen3moe(const Metadata& meta, Config& c, Names& n) {
  qwen3(meta, c, n);
  read_experts(meta, c, n, {.normalised = true});
}

// YaRN is not cut to whole pairs, as the model was trained; llama.cpp cuts it.
void gpt_oss(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  c.ropes = {read_rope(meta, 2 * static_cast<std::int64_t>(c.ropes[0].frequencies.size()), c.context, false).rope};
  n.ln2 = "post_attention_norm", n.sinks = "attn_sinks.weight";
  n.qkv_bias = n.o_bias = true;
  n.experts.router_bias = n.experts.biases = true;
  read_window(meta, c, [](std::int64_t l) { return l % 2 == 0; });
  c.sinks = true;
  read_experts(meta, c, n, {.normalised = true});
  c.experts.limit = 7;
}

void granitemoe(const Metadata& meta, Config& c, Names& n) {
  granite(meta, c, n);
  read_experts(meta, c, n, {.normalised = true});
  c.experts.shared_width = meta.integer(".expert_shared_feed_forward_length", 0);
  check_experts(c, meta.where());
}

void deepseek(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_interleaved(meta, c, n);
  read_experts(meta, c, n, {.shared = true});
}

// YaRN's mscale goes into the scale of the scores, squared, and not into the rotation. The file has a tenth of it.
void deepseek2(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_pairs(c);
  read_latents(meta, c, n);
  const double mscale = 10 * meta.number(".rope.scaling.yarn_log_multiplier", 0),
               factor = meta.number(".rope.scaling.factor", 1);
  const bool yarn = meta.string(".rope.scaling.type", "linear") == "yarn" && factor > 1 && mscale != 0;
  if (yarn) c.ropes[0].scale = 1;
  const double m = yarn ? 1 + 0.1 * mscale * std::log(factor) : 1;
  c.attn_scale = static_cast<float>(m * m / std::sqrt(static_cast<double>(c.head_width)));
  read_experts(meta, c, n, {.shared = true});
}

void dots1(const Metadata& meta, Config& c, Names& n) {
  qwen3(meta, c, n);
  read_experts(meta, c, n, {.shared = true});
}

void glm4moe(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  n.ln2 = "post_attention_norm", n.optional_biases = true;
  if (meta.archive().find("blk.0.attn_q_norm.weight") != nullptr) norm_queries_keys(c, n, QkNorm::heads);
  read_experts(meta, c, n, {.normalised = true, .router = RouterKind::sigmoid, .shared = true});
}

void ernie4_5_moe(const Metadata& meta, Config& c, Names& n) {
  ernie4_5(meta, c, n);
  read_experts(meta, c, n, {.normalised = true, .shared = true});
  const std::int64_t step = meta.integer(".interleave_moe_layer_step", 1);
  if (step < 1) throw Error(Code::format, meta.where(), fmt::format("an interleave_moe_layer_step of {}", step));
  for (std::size_t l = 0; l < c.layers.size(); ++l)
    c.layers[l].experts = c.layers[l].experts && static_cast<std::int64_t>(l + 1) % step == 0;
}

void hunyuan_moe(const Metadata& meta, Config& c, Names& n) {
  hunyuan_dense(meta, c, n);
  read_experts(meta, c, n, {.normalised = true, .shared = true});
}

void dbrx(const Metadata& meta, Config& c, Names& n) {
  read_like_starcoder2(meta, c, n);
  c.activation = Activation::silu, c.gated_mlp = true;
  n.norm_bias = false, n.ln2 = "attn_output_norm";
  n.qkv = "attn_qkv", n.fused = Fused::stacked;
  c.qkv_clip = static_cast<float>(meta.number(".attention.clamp_kqv", 0));
  read_experts(meta, c, n, {.normalised = true});
}

// Chunks, and norms of queries and keys after the rotation, where there is one: in three of four blocks. The largest
// model, of 128 experts, has no such norms.
void llama4(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_pairs(c);
  const std::int64_t step = meta.integer(".interleave_moe_layer_step");
  if (step < 1) throw Error(Code::format, meta.where(), fmt::format("an interleave_moe_layer_step of {}", step));
  if (meta.has(".attention.sliding_window"))
    throw Error(Code::unsupported, meta.where(),
                "'llama4.attention.sliding_window': a Llama 4 without chunks (MobileLLM) is not supported");
  read_experts(meta, c, n, {.router = RouterKind::sigmoid});
  c.experts.of_input = true, c.experts.shared_width = c.experts.width;
  if (c.experts.count < 128) c.qk_norm = QkNorm::heads, c.qk_norm_after = true;
  c.growth = 0.1, c.growth_span = 8192, c.growth_first = 1;
  for (std::size_t l = 0; l < c.layers.size(); ++l) {
    Layer& layer = c.layers[l];
    layer.experts = static_cast<std::int64_t>(l + 1) % step == 0;
    layer.grows = (l + 1) % 4 == 0;
    layer.rope = layer.grows ? -1 : 0, layer.chunk = layer.grows ? 0 : 8192;
  }
}

void minimax_m2(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  norm_queries_keys(c, n, QkNorm::together);
  read_experts(meta, c, n, {.normalised = true, .router = RouterKind::sigmoid});
}

// As the model was trained; llama.cpp computes another norm and another router.
void phimoe(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  c.norm = NormKind::layer, n.norm_bias = n.optional_biases = true;
  n.head_bias = meta.archive().find("output.bias") != nullptr;
  read_experts(meta, c, n, {.router = RouterKind::sparse_mixer});
  c.experts.nearness = 0.01f;
}

void bailingmoe(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_interleaved(meta, c, n);
  read_experts(meta, c, n, {.shared = true});
}

void qwen3vlmoe(const Metadata& meta, Config& c, Names& n) {
  qwen3vl(meta, c, n);
  read_experts(meta, c, n, {.normalised = true});
}

void bailingmoe2(const Metadata& meta, Config& c, Names& n) {
  qwen3(meta, c, n);
  read_experts(meta, c, n, {.shared = true});
}

void exaone_moe(const Metadata& meta, Config& c, Names& n) {
  qwen3(meta, c, n);
  read_window(meta, c, [](std::int64_t l) { return l % 4 != 3; });
  turn_windows_alone(c);
  read_experts(meta, c, n, {.shared = true});
}

void mellum(const Metadata& meta, Config& c, Names& n) {
  qwen3(meta, c, n);
  read_window(meta, c, [](std::int64_t l) { return l % 4 != 3; });
  const double theta = meta.number(".rope.freq_base", 10000);
  turn_windows(c, meta.number(".rope.freq_base_swa", theta));
  read_experts(meta, c, n, {.normalised = true});
}

void hy_v3(const Metadata& meta, Config& c, Names& n) {
  qwen3(meta, c, n);
  read_experts(meta, c, n, {.router = RouterKind::sigmoid, .shared = true});
}

}  // namespace embscope::gguf
