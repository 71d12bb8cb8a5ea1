// Mixtures of experts in the frame of a Llama: Mixtral (Jiang et al. 2024), Qwen's, OLMoE, gpt-oss, Granite's,
// DeepSeek's and similar ones.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "model/experts.h"

namespace embscope {

void read_counts(const Keys& keys, Config& c, std::initializer_list<std::string_view> count, const char* chosen) {
  c.experts.count = keys.same_integer(count);
  c.experts.chosen = keys.integer(chosen);
}

void use_experts(Config& c, const Keys& keys, const std::function<bool(std::int64_t)>& has) {
  for (std::size_t l = 0; l < c.layers.size(); ++l) c.layers[l].experts = has(static_cast<std::int64_t>(l));
  check_experts(c, keys.where());
}

// block_sparse_moe and w1, w3, w2: what Mixtral began with; transformers 5 may write its own.
void name_as_mixtral(Names& n) {
  n.other_experts = n.experts;
  n.experts.router = "block_sparse_moe.gate", n.experts.each = "block_sparse_moe.experts.{}.";
  n.experts.gate = "w1", n.experts.up = "w3", n.experts.down = "w2";
  n.experts.gate_up_of_all = "block_sparse_moe.experts.gate_up_proj",
  n.experts.down_of_all = "block_sparse_moe.experts.down_proj";
  n.mlp = "block_sparse_moe";
}

// Qwen's blocks without experts: those of mlp_only_layers, and all but every decoder_sparse_step-th.
void read_sparse_blocks(const Keys& keys, Config& c, std::vector<double> dense) {
  if (keys.has("mlp_only_layers")) dense = keys.numbers("mlp_only_layers");
  keys.ignore("mlp_only_layers");
  const std::int64_t step = keys.integer("decoder_sparse_step", 1);
  if (step < 1) throw Error(Code::format, keys.where(), fmt::format("a decoder_sparse_step of {}", step));
  use_experts(c, keys, [&](std::int64_t l) {
    return (l + 1) % step == 0 && std::ranges::find(dense, static_cast<double>(l)) == dense.end();
  });
}

void read_predicting_blocks(const Keys& keys, Names& n) {
  for (const char* key : {"num_nextn_predict_layers", "num_mtp_layers", "num_mtp_modules"})
    n.predicting_blocks = std::max(n.predicting_blocks, keys.optional_integer(key).value_or(0));
  if (n.predicting_blocks > 16)
    throw Error(Code::format, keys.where(), fmt::format("{} blocks that predict further tokens", n.predicting_blocks));
}

void read_deepseek_experts(const Keys& keys, Config& c, Names& n, const DeepseekDefaults& d) {
  Experts& e = c.experts;
  read_counts(keys, c, {"n_routed_experts", "num_local_experts", "num_experts"});
  e.width = keys.integer("moe_intermediate_size");
  const char* shared = keys.has("n_shared_experts") ? "n_shared_experts" : "num_shared_experts";
  e.shared_width = e.width * keys.optional_integer(shared).value_or(0);
  e.normalised = keys.truth("norm_topk_prob", d.normalised);
  e.scale = static_cast<float>(keys.number("routed_scaling_factor", d.scale));
  e.groups = keys.optional_integer("n_group").value_or(d.groups),
  e.groups_chosen = keys.optional_integer("topk_group").value_or(d.groups_chosen);
  n.experts.shared = "mlp.shared_experts.";
  const std::int64_t dense = keys.optional_integer("first_k_dense_replace").value_or(d.dense),
                     every = keys.integer("moe_layer_freq", 1);
  if (every < 1) throw Error(Code::format, keys.where(), fmt::format("a moe_layer_freq of {}", every));
  read_predicting_blocks(keys, n);
  for (const char* key : {"aux_loss_alpha", "seq_aux", "ep_size"}) keys.ignore(key);  // of training
  use_experts(c, keys, [=](std::int64_t l) { return l >= dense && l % every == 0; });
}

void use_sigmoids(Config& c, Names& n) {
  c.experts.router = RouterKind::sigmoid, c.experts.group_best = 2;
  n.experts.correction = "mlp.gate.e_score_correction_bias";
}

std::string_view scoring(const Keys& keys, std::string_view expected, const char* key) {
  const std::string_view found = keys.string(key, expected);
  if (found != expected)
    throw Error(Code::unsupported, keys.where(),
                fmt::format("{} '{}': '{}' is known for this family", key, found, expected));
  return found;
}

void read_latents(const Keys& keys, Config& c, Names& n, const LlamaDefaults& d) {
  const std::int64_t own = keys.integer("qk_nope_head_dim");
  c.latents = {keys.optional_integer("q_lora_rank").value_or(0), keys.integer("kv_lora_rank"),
               keys.integer("qk_rope_head_dim"), 1e-6f};
  keys.ignore("q_lora_rank"), keys.ignore("qk_head_dim");  // what transformers makes of the others
  if (const auto turned = keys.optional_integer("head_dim"); turned && *turned != c.latents.turned)
    throw Error(Code::format, keys.where(),
                fmt::format("head_dim {} beside a qk_rope_head_dim of {}", *turned, c.latents.turned));
  c.value_width = keys.integer("v_head_dim", c.heads > 0 ? c.width / c.heads : 0),
  c.head_width = own + c.latents.turned;
  c.kv_heads = c.heads;
  for (std::int64_t size : {own, c.latents.turned, c.value_width, c.latents.rank}) {
    if (size < 1 || size > (1 << 16))
      throw Error(Code::format, keys.where(), fmt::format("latent attention with a part of {} values", size));
  }
  if (c.latents.query_rank < 0 || c.latents.query_rank > (1 << 16))
    throw Error(Code::format, keys.where(), fmt::format("a q_lora_rank of {}", c.latents.query_rank));
  if (keys.truth("attention_bias", false))
    throw Error(Code::unsupported, keys.where(), "'attention_bias': latent attention with biases is not supported");
  n.q = c.latents.query_rank > 0 ? "self_attn.q_b_proj" : "self_attn.q_proj";
  n.q_latent = "self_attn.q_a_proj", n.q_latent_norm = "self_attn.q_a_layernorm";
  n.kv_latent = "self_attn.kv_a_proj_with_mqa", n.kv_latent_norm = "self_attn.kv_a_layernorm",
  n.kv = "self_attn.kv_b_proj";
  ReadRope rope = read_rope(keys, c.latents.turned, c.context, {d.theta});
  rope.rope.pairs = d.pairs, rope.rope.first = own;
  c.ropes = {std::move(rope.rope)};
  c.context = rope.longest.value_or(c.context);
  check_frequencies(c, keys.where());
  const double m = yarn_mscale(keys);
  c.attn_scale = static_cast<float>(m * m / std::sqrt(static_cast<double>(c.head_width)));
}

void read_mixtral(const Keys& keys, Config& c, Names& n) {
  name_as_mixtral(n);
  const LlamaDefaults defaults{.theta = 1e6, .epsilon = 1e-5, .kv_heads = 8};
  read_llama_keys(keys, c, defaults);
  read_one_rope(keys, c, defaults);
  for (Layer& layer : c.layers) layer.window = window_of(keys, {});
  read_counts(keys, c, {"num_local_experts", "num_experts"});
  c.experts.width = c.mlp_width, c.experts.normalised = true;
  use_experts(c, keys);
}

// The weights of its experts are those of a router with a sparse mixer.
void read_phimoe(const Keys& keys, Config& c, Names& n) {
  name_as_mixtral(n);
  n.other_experts.router = "mlp.router";
  LlamaDefaults defaults{.theta = 1e6, .epsilon = 1e-5, .kv_heads = 8};
  defaults.mscale = true;
  read_llama_keys(keys, c, defaults);
  c.norm = NormKind::layer, n.norm_bias = true;
  read_attention_bias(keys, n);
  n.head_bias = keys.truth("lm_head_bias", false);
  read_one_rope(keys, c, defaults);
  for (Layer& layer : c.layers) layer.window = window_of(keys, {});
  read_counts(keys, c, {"num_local_experts", "num_experts"});
  c.experts.width = c.mlp_width, c.experts.router = RouterKind::sparse_mixer;
  c.experts.nearness = static_cast<float>(keys.number("router_jitter_noise", 0.01));
  keys.ignore("input_jitter_noise");  // of training
  use_experts(c, keys);
}

void read_qwen2_moe(const Keys& keys, Config& c, Names& n) {
  n.qkv_bias = keys.truth("qkv_bias", true);
  n.experts.shared = "mlp.shared_expert.", n.experts.shared_factor = "mlp.shared_expert_gate";
  read_llama_keys(keys, c, {.kv_heads = 16});
  read_one_rope(keys, c, {});
  const bool used = keys.truth("use_sliding_window", false);
  const std::int64_t last = keys.integer("max_window_layers", 28);
  read_windows(keys, c, window_of(keys, 4096, used), [last](std::int64_t l) { return l % 2 == 0 && l < last; });
  read_counts(keys, c, {"num_experts", "num_local_experts"});
  c.experts.width = keys.integer("moe_intermediate_size"),
  c.experts.shared_width = keys.integer("shared_expert_intermediate_size");
  c.experts.normalised = keys.truth("norm_topk_prob", false);
  read_sparse_blocks(keys, c);
}

void read_qwen3_moe(const Keys& keys, Config& c, Names& n) {
  use_qk_norms(c, n, QkNorm::heads);
  read_llama_keys(keys, c, {.kv_heads = 4});
  read_attention_bias(keys, n);
  read_one_rope(keys, c, {.sections = true});
  keys.ignore("max_window_layers");  // Qwen 2's, which nobody reads
  for (Layer& layer : c.layers) layer.window = window_of(keys, 4096, keys.truth("use_sliding_window", false));
  read_counts(keys, c, {"num_experts", "num_local_experts"});
  c.experts.width = keys.integer("moe_intermediate_size");
  c.experts.normalised = keys.truth("norm_topk_prob", false);
  read_sparse_blocks(keys, c);
}

void read_olmoe(const Keys& keys, Config& c, Names& n) {
  use_qk_norms(c, n, QkNorm::together);
  read_llama_keys(keys, c, {.epsilon = 1e-5});
  read_attention_bias(keys, n);
  read_one_rope(keys, c, {});
  c.clip_after_norm = true;
  c.qkv_clip = static_cast<float>(keys.positive_or_none("clip_qkv"));
  read_counts(keys, c, {"num_experts", "num_local_experts"});
  c.experts.width = c.mlp_width, c.experts.normalised = keys.truth("norm_topk_prob", false);
  use_experts(c, keys);
}

void read_gpt_oss(const Keys& keys, Config& c, Names& n) {
  n.sinks = "self_attn.sinks";
  ExpertNames& e = n.experts;
  e.router = "mlp.router", e.each = "";
  e.router_bias = e.biases = e.input_major = e.in_turn = true;
  const LlamaDefaults defaults{.theta = 150000, .epsilon = 1e-5, .head_width = 64, .kv_heads = 8};
  read_llama_keys(keys, c, defaults);
  read_attention_bias(keys, n, true);
  if (keys.absent("rope_parameters") && keys.absent("rope_scaling"))
    throw Error(Code::format, keys.where(),
                "neither 'rope_scaling' nor 'rope_parameters': what turns this model's positions is not said");
  read_one_rope(keys, c, defaults);
  read_windows(keys, c, window_of(keys, 128), [](std::int64_t l) { return l % 2 == 0; });
  c.sinks = true;
  read_counts(keys, c, {"num_local_experts", "num_experts"});
  for (const char* key : {"experts_per_token", "initial_context_length"}) keys.ignore(key);  // the same again
  c.experts.width = c.mlp_width, c.experts.normalised = true;
  c.experts.limit = static_cast<float>(keys.number("swiglu_limit", 7)),
  c.experts.alpha = static_cast<float>(keys.number("swiglu_alpha", 1.702));
  use_experts(c, keys);
  if (c.experts.limit == 0) throw Error(Code::format, keys.where(), "a swiglu_limit of 0");
  if (!keys.has("quantization_config")) return;
  const std::string_view method = keys.object("quantization_config").string("quant_method", "");
  if (method != "mxfp4")
    throw Error(Code::unsupported, keys.where(),
                fmt::format("quantization_config: quant_method '{}' is not supported for this model", method));
}

void read_granitemoe(const Keys& keys, Config& c, Names& n) {
  read_granite(keys, c, n);
  n.mlp = "block_sparse_moe";
  n.experts.each = n.other_experts.each = "";
  n.experts.router = "block_sparse_moe.router.layer", n.other_experts.router = "block_sparse_moe.router";
  n.experts.gate_up_of_all = "block_sparse_moe.input_linear.weight",
  n.experts.down_of_all = "block_sparse_moe.output_linear.weight";
  n.other_experts.gate_up_of_all = "block_sparse_moe.experts.gate_up_proj",
  n.other_experts.down_of_all = "block_sparse_moe.experts.down_proj";
  read_counts(keys, c, {"num_local_experts", "num_experts"});
  c.experts.width = c.mlp_width, c.experts.normalised = true;
  use_experts(c, keys);
}

void read_granitemoeshared(const Keys& keys, Config& c, Names& n) {
  read_granitemoe(keys, c, n);
  c.experts.shared_width = keys.integer("shared_intermediate_size", 0);
  n.mlp = "";  // two modules side by side
  for (ExpertNames* e : {&n.experts, &n.other_experts})
    e->shared = "shared_mlp.", e->shared_gate_up = "input_linear", e->shared_down = "output_linear";
  check_experts(c, keys.where());
}

void read_deepseek_v2(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.pairs = true};
  read_llama_keys(keys, c, defaults);
  n.mlp_bias = keys.truth("mlp_bias", false);
  if (n.mlp_bias) throw Error(Code::unsupported, keys.where(), "'mlp_bias': a DeepSeek with biases is not supported");
  read_latents(keys, c, n, defaults);
  read_deepseek_experts(keys, c, n, {.normalised = false, .scale = 1});
  const std::string_view method = keys.string("topk_method", "greedy");
  if (method == "greedy") c.experts.groups = c.experts.groups_chosen = 1;
  if (method != "greedy" && method != "group_limited_greedy")
    throw Error(Code::unsupported, keys.where(),
                fmt::format("topk_method '{}': greedy and group_limited_greedy are known", method));
  scoring(keys, "softmax");
  c.experts.normalised = false;  // which transformers does not read here
}

void read_deepseek_v3(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.pairs = keys.truth("rope_interleave", true)};
  read_llama_keys(keys, c, defaults);
  read_latents(keys, c, n, defaults);
  read_deepseek_experts(keys, c, n, {true, 2.5, 8, 4, 3});
  use_sigmoids(c, n);
  scoring(keys, "sigmoid"), scoring(keys, "noaux_tc", "topk_method");
}

void read_dots1(const Keys& keys, Config& c, Names& n) {
  use_qk_norms(c, n, QkNorm::heads);
  read_llama_keys(keys, c, {.kv_heads = 32});
  read_attention_bias(keys, n);
  read_one_rope(keys, c, {});
  const std::int64_t first = keys.integer("max_window_layers", 62);
  read_windows(keys, c, window_of(keys, 4096), [first](std::int64_t l) { return l >= first; });
  read_deepseek_experts(keys, c, n, {false, 1});
  use_sigmoids(c, n);
  if (keys.string("scoring_func", "") != "noaux_tc") scoring(keys, "sigmoid");  // the first files have the method there
  scoring(keys, "noaux_tc", "topk_method");
}

void read_glm4_moe_of(const Keys& keys, Config& c, Names& n, const LlamaDefaults& defaults, bool norms,
                      const DeepseekDefaults& experts) {
  read_llama_keys(keys, c, defaults);
  n.qkv_bias = keys.truth("attention_bias", false);
  if (keys.truth("use_qk_norm", norms)) use_qk_norms(c, n, QkNorm::heads);
  read_one_rope(keys, c, defaults);
  read_deepseek_experts(keys, c, n, experts);
  use_sigmoids(c, n);
}

void read_glm4_moe(const Keys& keys, Config& c, Names& n) {
  read_glm4_moe_of(keys, c, n, {.epsilon = 1e-5, .partial = 0.5, .partial_allowed = true, .kv_heads = 8}, false,
                   {true, 1, 1, 1, 1});
}

void read_ernie4_5(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{
      .tied = true, .theta = 500000, .epsilon = 1e-5, .pairs = true, .head_width = 128, .kv_heads = 3};
  read_llama_keys(keys, c, defaults);
  n.qkv_bias = n.o_bias = n.mlp_bias = keys.truth("use_bias", false);
  read_one_rope(keys, c, defaults);
}

// Softmax and a correction that chooses; the weights are divided by their sum.
void read_ernie4_5_moe(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.tied = true, .theta = 500000, .epsilon = 1e-5, .pairs = true, .kv_heads = 4};
  read_llama_keys(keys, c, defaults);
  n.qkv_bias = n.o_bias = keys.truth("use_bias", false);
  if (n.qkv_bias)
    throw Error(Code::unsupported, keys.where(), "'use_bias': an ERNIE with experts and biases is not supported");
  read_one_rope(keys, c, defaults);
  read_counts(keys, c, {"moe_num_experts", "num_experts"}, "moe_k");
  c.experts.width = keys.integer("moe_intermediate_size"), c.experts.normalised = true;
  c.experts.shared_width = c.experts.width * keys.optional_integer("moe_num_shared_experts").value_or(0);
  read_predicting_blocks(keys, n);
  keys.ignore("moe_norm_min");  // below which no sum of probabilities comes
  for (const char* key : {"moe_capacity", "moe_gate", "moe_use_aux_free"})
    keys.ignore(key);  // what transformers does not read
  n.experts.shared = "mlp.shared_experts.", n.experts.correction = "mlp.moe_statics.e_score_correction_bias";
  const std::int64_t first = keys.integer("moe_layer_start_index", 1), end = keys.integer("moe_layer_end_index", -1),
                     every = keys.integer("moe_layer_interval", 1);
  if (every < 1) throw Error(Code::format, keys.where(), fmt::format("a moe_layer_interval of {}", every));
  const std::int64_t last = end == -1 ? c.blocks - 1 : end;
  use_experts(c, keys, [=](std::int64_t l) { return (l + 1) % every == 0 && l >= first && l <= last; });
}

void read_minimax_m2(const Keys& keys, Config& c, Names& n) {
  name_as_mixtral(n);
  use_qk_norms(c, n, QkNorm::together);
  const LlamaDefaults defaults{.theta = 5e6, .partial_allowed = true, .head_width = 128, .kv_heads = 8};
  read_llama_keys(keys, c, defaults);
  LlamaDefaults turned = defaults;  // the first files say how many values turn
  if (keys.has("rotary_dim"))
    turned.partial = static_cast<double>(keys.integer("rotary_dim")) / static_cast<double>(c.head_width);
  read_one_rope(keys, c, turned);
  read_counts(keys, c, {"num_local_experts", "num_experts"});
  c.experts.width = c.mlp_width, c.experts.normalised = true, c.experts.router = RouterKind::sigmoid;
  scoring(keys, "sigmoid"), scoring(keys, "per_layer", "qk_norm_type");
  for (const char* key : {"use_qk_norm", "use_routing_bias"}) {
    if (!keys.truth(key, true))
      throw Error(Code::unsupported, keys.where(), fmt::format("'{}': false is not supported for this model", key));
  }
  std::vector<double> attention;
  if (keys.has("attn_type_list")) attention = keys.numbers("attn_type_list");
  if (std::ranges::any_of(attention, [](double kind) { return kind != 1; }))
    throw Error(Code::unsupported, keys.where(), "'attn_type_list': only attention (1) in each block is supported");
  read_predicting_blocks(keys, n);
  for (const char* key : {"layernorm_full_attention_beta", "layernorm_linear_attention_beta", "layernorm_mlp_beta",
                          "mlp_intermediate_size", "mtp_transformer_layers", "shared_moe_mode", "use_mtp"})
    keys.ignore(key);  // what transformers does not read
  if (keys.integer("shared_intermediate_size", 0) != 0)
    throw Error(Code::unsupported, keys.where(), "'shared_intermediate_size': a shared expert is not supported here");
  n.experts.correction = "block_sparse_moe.e_score_correction_bias",
  n.other_experts.correction = "mlp.e_score_correction_bias";
  use_experts(c, keys);
}

}  // namespace embscope
