// Families whose code is beside their weights on the hub: Baichuan, Qwen 1, ChatGLM, Orion, InternLM 1, XVERSE,
// StableLM by its first name, DeepSeek's first mixture of experts, Ling 1 and 2, Sarvam.
#include <algorithm>

#include <fmt/format.h>

#include "model/experts.h"

namespace embscope {
namespace {

// A key that is there and must hold what the family has.
void expect(const Keys& keys, const char* key, bool value) {
  if (keys.truth(key, value) != value)
    throw Error(Code::unsupported, keys.where(), fmt::format("'{}': only {} is supported for this model", key, value));
}

}  // namespace

// The smaller one turns; the larger one has ALiBi, and no max_position_embeddings. Baichuan 2 multiplies by directions:
// rows of its head of length 1.
void read_baichuan(const Keys& keys, Config& c, Names& n) {
  n.qkv = "self_attn.W_pack", n.fused = Fused::stacked;
  const bool turns = keys.has("max_position_embeddings");
  read_llama_keys(keys, c);
  n.unit_head = keys.has("z_loss_weight") || c.vocab == 125696;
  keys.ignore("z_loss_weight"), keys.ignore("_from_model_config");
  if (turns) {
    keys.ignore("model_max_length");
    return read_one_rope(keys, c, {});
  }
  c.context = keys.integer("model_max_length", 4096);
  check_config(c, keys.where());
  c.position = PositionKind::alibi, c.alibi_slopes = bloom_slopes(c.heads);
  for (Layer& layer : c.layers) layer.rope = -1;
}

// Its w2 is the gate, and its configuration counts both halves of the MLP. Beyond seq_length it stretches its rotation
// and its queries by the length of the text, so that a word's vectors would depend on what follows: longer texts are
// refused.
void read_qwen(const Keys& keys, Config& c, Names& n) {
  n.root = "transformer.", n.block = "h.{}.", n.wte = "wte", n.ln_final = "ln_f", n.ln1 = "ln_1", n.ln2 = "ln_2";
  n.qkv = "attn.c_attn", n.fused = Fused::stacked, n.o = "attn.c_proj", n.attention = "attn";
  n.gate = "mlp.w2", n.up = "mlp.w1", n.down = "mlp.c_proj";
  const LlamaDefaults defaults{.theta = keys.number("rotary_emb_base", 10000), .epsilon_key = "layer_norm_epsilon"};
  read_llama_keys(keys, c, defaults);
  if (c.mlp_width % 2 != 0)
    throw Error(Code::format, keys.where(), fmt::format("an intermediate_size of {} for two halves", c.mlp_width));
  c.mlp_width /= 2;
  if (keys.has("kv_channels")) c.head_width = keys.integer("kv_channels");
  check_config(c, keys.where());
  n.qkv_bias = true, n.o_bias = !keys.truth("no_bias", true), n.mlp_bias = n.o_bias;
  for (const char* key : {"bf16", "fp16", "fp32", "onnx_safe", "use_cache_quantization", "use_cache_kernel",
                          "softmax_in_fp32", "tokenizer_type", "params_dtype", "attn_dropout_prob", "emb_dropout_prob"})
    keys.ignore(key);
  read_one_rope(keys, c, defaults);
  const std::int64_t trained = keys.integer("seq_length", c.context);
  const bool stretched = keys.truth("use_dynamic_ntk", true), grows = keys.truth("use_logn_attn", true);
  if (stretched || grows) c.context = std::min(c.context, trained);
  check_config(c, keys.where());
}

// ChatGLM 2 and 3, GLM-4 9B: half of a head turns, by neighbouring values.
void read_chatglm(const Keys& keys, Config& c, Names& n) {
  if (keys.has("position_encoding_2d") || keys.absent("padded_vocab_size"))
    throw Error(Code::unsupported, keys.where(),
                "a ChatGLM that reads its prompt in both directions (ChatGLM-6B) is not supported");
  n.root = "transformer.", n.block = "encoder.layers.{}.", n.head = "transformer.output_layer";
  n.wte = "embedding.word_embeddings", n.ln_final = "encoder.final_layernorm";
  n.qkv = "self_attention.query_key_value", n.fused = Fused::stacked, n.o = "self_attention.dense",
  n.attention = "self_attention";
  n.gate_up = "mlp.dense_h_to_4h", n.down = "mlp.dense_4h_to_h";
  c.norm = NormKind::rms, c.position = PositionKind::rotary, c.gated_mlp = true, c.activation = Activation::silu;
  c.vocab = keys.integer("padded_vocab_size"), keys.ignore("vocab_size");
  c.width = keys.integer("hidden_size"), c.blocks = keys.same_integer({"num_layers", "num_hidden_layers"});
  c.heads = keys.integer("num_attention_heads");
  c.kv_heads = keys.truth("multi_query_attention", true) ? keys.integer("multi_query_group_num") : c.heads;
  c.mlp_width = keys.integer("ffn_hidden_size"), c.context = keys.integer("seq_length");
  c.head_width = keys.integer("kv_channels", c.heads > 0 ? c.width / c.heads : 0);
  c.epsilon = static_cast<float>(keys.number("layernorm_epsilon", 1e-5));
  c.tied = keys.truth("tie_word_embeddings", false);
  n.qkv_bias = keys.truth("add_qkv_bias", true) || keys.truth("add_bias_linear", false);
  n.o_bias = n.mlp_bias = false;
  for (const char* key : {"rmsnorm", "post_layer_norm", "original_rope"}) expect(keys, key, true);
  for (const char* key : {"add_bias_linear", "apply_residual_connection_post_layernorm", "interleaved_qkv"})
    expect(keys, key, false);
  keys.ignore("multi_query_group_num");
  for (const char* key : {"apply_query_key_layer_scaling", "bias_dropout_fusion", "fp32_residual_connection",
                          "pre_seq_len", "prefix_projection", "quantization_bit"})
    keys.ignore(key);
  check_config(c, keys.where());
  c.layers.resize(static_cast<std::size_t>(c.blocks));
  LlamaDefaults defaults{.theta = 10000 * keys.number("rope_ratio", 1), .partial = 0.5, .pairs = true};
  read_one_rope(keys, c, defaults);
}

// A Llama with LayerNorms.
void read_orion(const Keys& keys, Config& c, Names& n) {
  read_llama_keys(keys, c, {.epsilon = 1e-5});
  c.norm = NormKind::layer, n.norm_bias = true;
  read_biases(keys, n);
  read_one_rope(keys, c, {});
}

void read_internlm(const Keys& keys, Config& c, Names& n) {
  read_llama_keys(keys, c);
  n.qkv_bias = n.o_bias = keys.truth("bias", true);
  if (keys.has("rotary")) {  // a dynamic one changes only beyond the trained context, where no text goes here
    const Keys rotary = keys.object("rotary");
    const std::string_view kind = rotary.string("type", "origin");
    if (kind != "origin" && kind != "dynamic")
      throw Error(Code::unsupported, keys.where(), fmt::format("rotary type '{}': origin and dynamic are known", kind));
    read_one_rope(keys, c, {.theta = rotary.number("base", 10000)});
    rotary.ignore("scaling_factor");
    return rotary.refuse_rest();
  }
  read_one_rope(keys, c, {});
}

void read_xverse(const Keys& keys, Config& c, Names&) {
  read_llama_keys(keys, c);
  keys.ignore("max_tokenizer_truncation");
  read_one_rope(keys, c, {});
}

// StableLM by its first name, in which rope_pct says how much turns.
void read_stablelm_epoch(const Keys& keys, Config& c, Names& n) {
  const char* epsilon = keys.has("norm_eps") ? "norm_eps" : "layer_norm_eps";
  const LlamaDefaults defaults{.epsilon = 1e-5, .partial = keys.number("rope_pct", 0.25), .epsilon_key = epsilon};
  read_llama_keys(keys, c, defaults);
  keys.same_integer({"num_attention_heads", "num_heads"});
  c.norm = NormKind::layer, n.norm_bias = true;
  n.qkv_bias = keys.truth("use_qkv_bias", false);
  read_one_rope(keys, c, defaults);
}

// DeepSeek's first mixture: a Llama's attention, a softmax that is not divided by its sum.
void read_deepseek(const Keys& keys, Config& c, Names& n) {
  read_llama_keys(keys, c);
  read_one_rope(keys, c, {});
  read_attention_bias(keys, n);
  read_deepseek_experts(keys, c, n, {.normalised = false, .scale = 1});
  scoring(keys, "softmax");
}

namespace {

// Ling's embedding, and queries, keys and values in one.
void name_as_bailing(Names& n) {
  n.wte = "word_embeddings", n.attention = "attention";
  n.qkv = "attention.query_key_value", n.fused = Fused::stacked, n.o = "attention.dense";
}

// Ling 2's attention and router.
void read_bailing_moe_2_of(const Keys& keys, Config& c, Names& n, const LlamaDefaults& defaults,
                           const DeepseekDefaults& experts) {
  name_as_bailing(n);
  read_glm4_moe_of(keys, c, n, defaults, true, experts);
  if (c.qk_norm != QkNorm::none) n.q_norm = "attention.query_layernorm", n.k_norm = "attention.key_layernorm";
  n.qkv_bias = n.qkv_bias || keys.truth("use_qkv_bias", false);
  n.experts.correction = "mlp.gate.expert_bias";
}

}  // namespace

void read_bailing_moe(const Keys& keys, Config& c, Names& n) {
  name_as_bailing(n);
  read_llama_keys(keys, c);
  read_one_rope(keys, c, {});
  n.qkv_bias = keys.truth("use_qkv_bias", false);
  for (const char* key : {"use_bias", "norm_head", "norm_softmax", "multi_gate"}) expect(keys, key, false);
  for (const char* key : {"output_dropout", "embedding_dropout", "moe_shared_expert_intermediate_size"})
    keys.ignore(key);
  read_deepseek_experts(keys, c, n, {.normalised = true, .scale = 1});
}

void read_bailing_moe_v2(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.theta = 600000, .partial = 0.5, .partial_allowed = true, .kv_heads = 4};
  read_bailing_moe_2_of(keys, c, n, defaults, {true, 2.5, 8, 4});
  for (const char* key : {"use_rmsnorm", "moe_router_enable_expert_bias"}) expect(keys, key, true);
  for (const char* key : {"use_bias", "using_split_qkv_in_self_attention"}) expect(keys, key, false);
  scoring(keys, "sigmoid", "score_function");
  for (const char* key : {"router_dtype", "output_dropout", "max_window_layers", "rotary_dim",
                          "moe_shared_expert_intermediate_size", "mtp_loss_scaling_factor"})
    keys.ignore(key);
}

void read_sarvam_moe(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.theta = 8e6, .partial_allowed = true, .head_width = 64, .kv_heads = 4};
  read_bailing_moe_2_of(keys, c, n, defaults, {true, 2.5, 1, 1, 1});
}

}  // namespace embscope
