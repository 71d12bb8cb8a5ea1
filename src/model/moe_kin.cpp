// Kin of the mixtures in moe.cpp: FlexOlmo, Hunyuan, EXAONE, GLM-4.7 Flash, Solar Open, Youtu (their attention without
// experts), and DBRX with names of its own.
#include <fmt/format.h>

#include "model/experts.h"

namespace embscope {
namespace {

// mlp_layer_types: "sparse" or "dense" for each block, in place of how many are dense.
void read_mlp_layer_types(const Keys& keys, Config& c, std::int64_t dense) {
  const auto kinds = kinds_of_blocks(keys, "mlp_layer_types", c);
  keys.ignore("mlp_layer_types");
  for (std::string_view kind : kinds) {
    if (kind != "sparse" && kind != "dense")
      throw Error(Code::unsupported, keys.where(), fmt::format("'mlp_layer_types': '{}' is not supported", kind));
  }
  use_experts(c, keys, [&](std::int64_t l) {
    return kinds.empty() ? l >= dense : kinds[static_cast<std::size_t>(l)] == "sparse";
  });
}

// A number for all blocks, or the same number for each.
std::int64_t one_for_all(const Keys& keys, const char* key, std::int64_t otherwise) {
  if (!keys.is_list(key)) return keys.integer(key, otherwise);
  const std::vector<double> each = keys.numbers(key);
  for (double x : each) {
    if (x != each.front() || x != static_cast<double>(static_cast<std::int64_t>(x)))
      throw Error(Code::unsupported, keys.where(), fmt::format("'{}' differs from block to block", key));
  }
  if (each.empty()) throw Error(Code::format, keys.where(), fmt::format("'{}' is empty", key));
  return static_cast<std::int64_t>(each.front());
}

}  // namespace

void read_flex_olmo(const Keys& keys, Config& c, Names& n) {
  read_olmo2_keys(keys, c, n);
  read_one_rope(keys, c, {.theta = 500000});
  read_counts(keys, c, {"num_experts", "num_local_experts"});
  c.experts.width = c.mlp_width, c.experts.normalised = keys.truth("norm_topk_prob", false);
  use_experts(c, keys);
}

// Its shared expert is as wide as the model's MLP would be, or a whole number of times as wide as the others.
void read_hunyuan_moe(const Keys& keys, Config& c, Names& n) {
  read_hunyuan_dense(keys, c, n);
  n.experts.router = "mlp.gate.wg", n.experts.shared = "mlp.shared_mlp.";
  Experts& e = c.experts;
  e.count = keys.same_integer({"num_experts", "num_local_experts"}), e.chosen = one_for_all(keys, "moe_topk", 1);
  e.width = keys.has("moe_intermediate_size") ? one_for_all(keys, "moe_intermediate_size", 0) : c.mlp_width;
  e.shared_width = e.width * one_for_all(keys, "num_shared_expert", 1);
  e.normalised = true;
  for (const char* key : {"use_mixed_mlp_moe", "capacity_factor", "moe_drop_tokens", "moe_random_routing_dropped_token",
                          "moe_layer_num_skipped", "group_limited_greedy", "routed_scaling_factor", "n_group",
                          "topk_group", "norm_topk_prob", "num_media_embeds", "moe_shared_expert", "skip_cls_token",
                          "anyres_pooling_size", "position_embedding_xdrope", "use_mla"})
    keys.ignore(key);  // what transformers does not read
  use_experts(c, keys);
}

void read_exaone_moe(const Keys& keys, Config& c, Names& n) {
  use_qk_norms(c, n, QkNorm::heads);
  read_llama_keys(keys, c, {.epsilon = 1e-5});
  read_exaone_windows(keys, c);
  read_deepseek_experts(keys, c, n, {true, 2.5, 1, 1, 1});
  use_sigmoids(c, n);
  n.experts.correction = "mlp.e_score_correction_bias";
  read_mlp_layer_types(keys, c, keys.optional_integer("first_k_dense_replace").value_or(1));
}

void read_glm4_moe_lite(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.epsilon = 1e-5, .pairs = keys.truth("rope_interleave", true)};
  read_llama_keys(keys, c, defaults);
  read_latents(keys, c, n, defaults);
  read_deepseek_experts(keys, c, n, {true, 1.8, 1, 1, 1});
  use_sigmoids(c, n);
  scoring(keys, "noaux_tc", "topk_method");
  read_mlp_layer_types(keys, c, keys.optional_integer("first_k_dense_replace").value_or(1));
}

void read_solar_open(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{
      .theta = 1e6, .epsilon = 1e-5, .partial_allowed = true, .head_width = 128, .kv_heads = 8};
  read_llama_keys(keys, c, defaults);
  n.qkv_bias = keys.truth("attention_bias", false);
  read_one_rope(keys, c, defaults);
  read_deepseek_experts(keys, c, n, {true, 1});
  use_sigmoids(c, n);
}

void read_youtu(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.tied = true, .pairs = keys.truth("rope_interleave", true), .kv_heads = 16};
  read_llama_keys(keys, c, defaults);
  read_latents(keys, c, n, defaults);
  keys.ignore("embedding_initializer_range");
  n.mlp_bias = keys.truth("mlp_bias", false);
}

namespace {

void read_dbrx_attention(const Keys& keys, Config& c, LlamaDefaults& defaults) {
  c.kv_heads = keys.integer("kv_n_heads", 1);
  c.qkv_clip = static_cast<float>(keys.optional_number("clip_qkv").value_or(0));
  defaults.theta = keys.number("rope_theta", 10000);
  for (const char* key : {"attn_pdrop", "model_type"}) keys.ignore(key);
  keys.refuse_rest();
}

void read_dbrx_experts(const Keys& keys, Config& c) {
  Experts& e = c.experts;
  e.count = keys.integer("moe_num_experts", 4), e.chosen = keys.integer("moe_top_k", 1);
  e.width = c.mlp_width = keys.integer("ffn_hidden_size", 3584);
  if (const auto power = keys.absent("moe_normalize_expert_weights")
                             ? std::optional<double>(1)
                             : keys.optional_number("moe_normalize_expert_weights")) {
    if (*power != 1)
      throw Error(Code::unsupported, keys.where(),
                  fmt::format("'moe_normalize_expert_weights': {}: 1 and null are supported", *power));
    e.normalised = true;
  }
  c.activation = Activation::silu;
  if (keys.has("ffn_act_fn")) c.activation = activation_of(keys.object("ffn_act_fn"), "name", "silu");
  for (const char* key :
       {"ffn_act_fn", "hidden_size", "moe_jitter_eps", "moe_loss_weight", "model_type", "uniform_expert_assignment"})
    keys.ignore(key);
  keys.refuse_rest();
}

}  // namespace

// Experts below each other in one matrix; those of `down` by inputs.
void read_dbrx(const Keys& keys, Config& c, Names& n) {
  n.root = "transformer.", n.block = "blocks.{}.", n.wte = "wte", n.ln_final = "norm_f";
  n.ln1 = "norm_attn_norm.norm_1", n.ln2 = "norm_attn_norm.norm_2";
  n.qkv = "norm_attn_norm.attn.Wqkv", n.fused = Fused::stacked, n.o = "norm_attn_norm.attn.out_proj",
  n.attention = "norm_attn_norm.attn", n.mlp = "ffn";
  ExpertNames& e = n.experts;
  e.router = "ffn.router.layer", e.each = "", e.gate_up_of_all = "", e.below_each_other = true;
  e.gate_of_all = "ffn.experts.mlp.w1", e.up_of_all = "ffn.experts.mlp.v1", e.down_of_all = "ffn.experts.mlp.w2";
  c.vocab = keys.integer("vocab_size", 32000);
  c.width = keys.same_integer({"d_model", "hidden_size"}),
  c.blocks = keys.same_integer({"n_layers", "num_hidden_layers"});
  c.heads = keys.same_integer({"n_heads", "num_attention_heads"});
  c.context = keys.same_integer({"max_seq_len", "max_position_embeddings"});
  c.kv_heads = 1, c.mlp_width = 3584, c.epsilon = 1e-5f, c.norm = NormKind::layer;
  c.position = PositionKind::rotary, c.gated_mlp = true;
  c.tied = keys.truth("tie_word_embeddings", false);
  LlamaDefaults defaults;
  if (keys.has("attn_config")) read_dbrx_attention(keys.object("attn_config"), c, defaults);
  if (keys.has("ffn_config")) read_dbrx_experts(keys.object("ffn_config"), c);
  for (const char* key : {"attn_config", "ffn_config", "emb_pdrop", "num_key_value_heads"}) keys.ignore(key);
  check_config(c, keys.where());
  c.head_width = c.width / c.heads;
  c.layers.resize(static_cast<std::size_t>(c.blocks));
  use_experts(c, keys);
  read_one_rope(keys, c, defaults);
}

// Qwen 3's mixture with windows, which turn by a base of their own.
void read_mellum(const Keys& keys, Config& c, Names& n) {
  use_qk_norms(c, n, QkNorm::heads);
  const LlamaDefaults defaults{.theta = 500000, .head_width = 128, .kv_heads = 4, .local_theta = 10000};
  read_llama_keys(keys, c, defaults);
  read_attention_bias(keys, n);
  read_windows(keys, c, window_of(keys, 1024), [](std::int64_t) { return false; });
  read_two_ropes(keys, c, defaults);
  read_counts(keys, c, {"num_local_experts", "num_experts"});
  c.experts.width = keys.integer("moe_intermediate_size");
  c.experts.normalised = keys.truth("norm_topk_prob", true);
  read_predicting_blocks(keys, n);
  for (const char* key : {"mtp_layer_types", "mtp_mlp_layer_types"}) keys.ignore(key);
  read_mlp_layer_types(keys, c, 0);
}

// Sinks, sigmoids, and positions in blocks with windows alone.
void read_flint(const Keys& keys, Config& c, Names& n) {
  use_qk_norms(c, n, QkNorm::heads);
  n.sinks = "self_attn.softmax_offset", c.sinks = true;
  read_llama_keys(keys, c, {.head_width = 128, .kv_heads = 4});
  read_attention_bias(keys, n);
  read_one_rope(keys, c, {});
  const std::int64_t last = c.blocks - 1;
  read_windows(keys, c, window_of(keys, 513), [last](std::int64_t l) { return !(l < 2 || l % 4 == 1 || l == last); });
  for (Layer& layer : c.layers) layer.rope = layer.window > 0 ? 0 : -1;
  read_counts(keys, c, {"num_experts", "num_local_experts"});
  c.experts.router = RouterKind::sigmoid, c.experts.normalised = keys.truth("norm_topk_prob", true);
  c.experts.width = keys.integer("moe_intermediate_size"),
  c.experts.shared_width = keys.integer("shared_expert_intermediate_size", 1024);
  n.experts.shared = "mlp.shared_expert.";
  read_sparse_blocks(keys, c, {0, 1});
}

void read_hy_v3(const Keys& keys, Config& c, Names& n) {
  use_qk_norms(c, n, QkNorm::heads);
  const LlamaDefaults defaults{.theta = 11158840, .epsilon = 1e-5, .head_width = 128, .kv_heads = 8};
  read_llama_keys(keys, c, defaults);
  read_attention_bias(keys, n);
  read_one_rope(keys, c, defaults);
  Experts& e = c.experts;
  read_counts(keys, c, {"num_experts", "num_local_experts"});
  e.router = RouterKind::sigmoid, e.normalised = true;
  e.scale = static_cast<float>(keys.number("router_scaling_factor", 2.826));
  e.width = keys.integer("moe_intermediate_size"), e.shared_width = e.width * keys.integer("num_shared_experts", 1);
  n.experts.router = "mlp.router.gate", n.experts.correction = "mlp.expert_bias", n.experts.shared = "mlp.shared_mlp.";
  keys.ignore("enable_moe_fp32_combine");
  read_predicting_blocks(keys, n);
  read_mlp_layer_types(keys, c, 1);
}

void read_sarvam_mla(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.pairs = keys.truth("rope_interleave", true)};
  read_llama_keys(keys, c, defaults);
  read_latents(keys, c, n, defaults);
  read_deepseek_experts(keys, c, n, {true, 2.5, 1, 1, 1});
  use_sigmoids(c, n);
}

}  // namespace embscope
