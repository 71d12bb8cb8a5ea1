// Llamas under other names: InternLM 2 and 3, EXAONE 3, MiniCPM with its multipliers, Jais 2, HyperCLOVA X, NanoChat.
#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "model/families.h"

namespace embscope {
namespace {

float positive(const Keys& keys, const char* what, double value) {
  if (!(value > 0) || !std::isfinite(value))
    throw Error(Code::format, keys.where(), fmt::format("a {} of {}: expected a positive number", what, value));
  return static_cast<float>(value);
}

// The width of the model whose head's step was tuned: that of a larger one is divided by how much wider it is.
void read_minicpm_multipliers(const Keys& keys, Config& c, double embedding, double depth, double base) {
  auto given = [&](const char* key, double otherwise) {  // null: the branches or logits are as they are
    const auto own = keys.absent(key) ? std::optional(otherwise) : keys.optional_number(key);
    if (own) positive(keys, key, *own);
    return own;
  };
  c.embedding_scale = positive(keys, "scale_emb", keys.number("scale_emb", embedding));
  const auto own_depth = given("scale_depth", depth), own_base = given("dim_model_base", base);
  if (own_depth) c.residual_scale = static_cast<float>(*own_depth / std::sqrt(static_cast<double>(c.blocks)));
  if (own_base) c.logit_scale = static_cast<float>(*own_base / static_cast<double>(c.width));
}

}  // namespace

void read_internlm2(const Keys& keys, Config& c, Names& n) {
  n.wte = "tok_embeddings", n.head = "output", n.ln1 = "attention_norm", n.ln2 = "ffn_norm";
  n.qkv = "attention.wqkv", n.fused = Fused::by_heads, n.o = "attention.wo", n.attention = "attention";
  n.gate = "feed_forward.w1", n.up = "feed_forward.w3", n.down = "feed_forward.w2", n.mlp = "feed_forward";
  read_llama_keys(keys, c);
  n.qkv_bias = n.o_bias = keys.truth("bias", false);
  read_one_rope(keys, c, {});
}

void read_internlm3(const Keys& keys, Config& c, Names& n) {
  read_llama_keys(keys, c, {.epsilon = 1e-5, .head_width = 128, .kv_heads = 2});
  const bool all = keys.truth("bias", keys.truth("mlp_bias", false));
  n.qkv_bias = n.o_bias = keys.truth("qkv_bias", keys.truth("attention_bias", false));
  n.mlp_bias = all;
  if (n.qkv_bias != all)
    throw Error(Code::unsupported, keys.where(), "'bias' and 'qkv_bias' differ, which is not supported");
  read_one_rope(keys, c, {});
}

void read_exaone(const Keys& keys, Config& c, Names& n) {
  n.root = "transformer.", n.block = "h.{}.", n.wte = "wte", n.ln_final = "ln_f", n.ln1 = "ln_1", n.ln2 = "ln_2";
  n.q = "attn.attention.q_proj", n.k = "attn.attention.k_proj", n.v = "attn.attention.v_proj",
  n.o = "attn.attention.out_proj", n.attention = "attn";
  n.gate = "mlp.c_fc_0", n.up = "mlp.c_fc_1", n.down = "mlp.c_proj";
  const LlamaDefaults defaults{.epsilon = 1e-5,
                               .activation_key = "activation_function",
                               .epsilon_key = "layer_norm_epsilon",
                               .blocks_key = "num_layers"};
  read_llama_keys(keys, c, defaults);
  read_one_rope(keys, c, defaults);
}

void read_minicpm(const Keys& keys, Config& c, Names& n) {
  read_llama_keys(keys, c, {.tied = true});
  read_attention_bias(keys, n);
  read_minicpm_multipliers(keys, c, 1, 1, 1);
  read_one_rope(keys, c, {});
}

void read_minicpm3(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.tied = true, .epsilon = 1e-5, .kv_heads = 40};
  read_llama_keys(keys, c, defaults);
  read_latents(keys, c, n, defaults);
  read_minicpm_multipliers(keys, c, 12, 1.4, 256);
}

void read_jais2(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.epsilon = 1e-5, .activation = "relu2", .epsilon_key = "layer_norm_eps"};
  read_llama_keys(keys, c, defaults);
  c.norm = NormKind::layer, n.norm_bias = true, c.gated_mlp = false;
  read_attention_bias(keys, n, true);
  n.mlp_bias = keys.truth("mlp_bias", true);
  read_one_rope(keys, c, defaults);
}

// Granite's multipliers, but its logits are multiplied; a further norm after each branch.
void read_hyperclovax(const Keys& keys, Config& c, Names& n) {
  read_llama_keys(keys, c);
  read_biases(keys, n);
  read_one_rope(keys, c, {});
  c.embedding_scale = positive(keys, "embedding_multiplier", keys.number("embedding_multiplier", 1));
  c.residual_scale = positive(keys, "residual_multiplier", keys.number("residual_multiplier", 1));
  c.logit_scale = positive(keys, "logits_scaling", keys.number("logits_scaling", 1));
  if (const auto scale = keys.optional_number("attention_multiplier"))
    c.attn_scale = positive(keys, "attention_multiplier", *scale);
  c.norm_after = keys.truth("use_post_norm", true);
  if (c.norm_after) n.ln1_post = "post_norm1", n.ln2_post = "post_norm2";
}

Xielu xielu_of(double p, double n, double beta, double epsilon) {
  auto softplus = [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); };
  return {static_cast<float>(softplus(p)), static_cast<float>(beta + softplus(n)), static_cast<float>(beta),
          static_cast<float>(epsilon)};
}

void read_apertus(const Keys& keys, Config& c, Names& n) {
  n.ln1 = "attention_layernorm", n.ln2 = "feedforward_layernorm", n.xielu = "mlp.act_fn";
  use_qk_norms(c, n, QkNorm::heads);
  if (keys.string("hidden_act", "xielu") != "xielu")
    throw Error(Code::unsupported, keys.where(), "'hidden_act': an Apertus without xielu is not supported");
  const LlamaDefaults defaults{.theta = 12000000, .epsilon = 1e-5, .activation = "silu", .activation_key = ""};
  read_llama_keys(keys, c, defaults);
  c.gated_mlp = false, c.activation = Activation::xielu;
  read_attention_bias(keys, n);
  if (!keys.truth("qk_norm", true))
    throw Error(Code::unsupported, keys.where(), "'qk_norm': false is not supported for this model");
  if (keys.absent("rope_parameters") && keys.absent("rope_scaling"))
    throw Error(Code::format, keys.where(),
                "neither 'rope_scaling' nor 'rope_parameters': how this model's positions turn is not said");
  read_one_rope(keys, c, defaults);
}

// Norms without gains, one more after the embedding; positions turn the other way round.
void read_nanochat(const Keys& keys, Config& c, Names& n) {
  n.up = "mlp.fc1", n.down = "mlp.fc2", n.norm_gain = false;
  const LlamaDefaults defaults{.activation = "relu2"};
  read_llama_keys(keys, c, defaults);
  c.gated_mlp = false, c.embedding_norm = true;
  c.qk_norm = QkNorm::heads, c.qk_norm_after = true;
  read_attention_bias(keys, n);
  read_one_rope(keys, c, defaults);
  for (double& f : c.ropes[0].frequencies) f = -f;
  const char* cap = "final_logit_softcapping";
  c.logit_cap = static_cast<float>(keys.absent(cap) ? 15 : keys.positive_or_none(cap));
}

}  // namespace embscope
