// Llama (Touvron et al. 2023) and those that differ from it by a few values.
#include <cmath>

#include <fmt/format.h>

#include "model/families.h"

namespace embscope {
namespace {

// Qwen's windows begin at a block, and are off unless use_sliding_window says so.
void read_qwen_windows(const Keys& keys, Config& c) {
  const bool used = keys.truth("use_sliding_window", false);
  const std::int64_t first = keys.integer("max_window_layers", 28);
  read_windows(keys, c, window_of(keys, 4096, used), [first](std::int64_t l) { return l >= first; });
}

}  // namespace

std::int64_t window_of(const Keys& keys, std::optional<std::int64_t> otherwise, bool used) {
  keys.ignore("sliding_window");  // transformers writes 0 where it is not used
  if (!used) return 0;
  const std::optional<std::int64_t> window =
      keys.has("sliding_window") ? keys.integer("sliding_window") : keys.optional_integer("sliding_window");
  if (window && *window < 1)
    throw Error(Code::format, keys.where(),
                fmt::format("a sliding_window of {}: expected a number of keys or null", *window));
  return keys.absent("sliding_window") ? otherwise.value_or(0) : window.value_or(0);
}

void read_attention_bias(const Keys& keys, Names& n, bool otherwise) {
  n.qkv_bias = n.o_bias = keys.truth("attention_bias", otherwise);
}

void read_biases(const Keys& keys, Names& n) {
  read_attention_bias(keys, n);
  n.mlp_bias = keys.truth("mlp_bias", false);
}

void use_qk_norms(Config& c, Names& n, QkNorm kind) {
  n.q_norm = "self_attn.q_norm", n.k_norm = "self_attn.k_norm";
  c.qk_norm = kind;
}

void read_llama_keys(const Keys& keys, Config& c, const LlamaDefaults& d) {
  c.norm = NormKind::rms;
  c.position = PositionKind::rotary;
  c.gated_mlp = true;
  auto or_default = [&](const char* key, std::int64_t otherwise) {
    return otherwise > 0 ? keys.integer(key, otherwise) : keys.integer(key);
  };
  c.vocab = or_default("vocab_size", d.vocab);
  c.width = keys.integer("hidden_size");
  c.blocks = keys.integer(d.blocks_key);
  c.heads = or_default("num_attention_heads", d.heads);
  c.kv_heads = keys.optional_integer("num_key_value_heads")
                   .value_or(keys.absent("num_key_value_heads") && d.kv_heads > 0 ? d.kv_heads : c.heads);
  c.mlp_width = keys.integer("intermediate_size");
  c.context = keys.integer("max_position_embeddings", d.context);
  const std::int64_t quotient = c.heads > 0 ? c.width / c.heads : 0;
  c.head_width =
      keys.optional_integer("head_dim").value_or(keys.absent("head_dim") && d.head_width > 0 ? d.head_width : quotient);
  c.epsilon = static_cast<float>(keys.number(d.epsilon_key, d.epsilon));
  c.activation = activation_of(keys, d.activation_key, d.activation);
  c.tied = keys.truth("tie_word_embeddings", d.tied);
  check_config(c, keys.where());
  c.layers.resize(static_cast<std::size_t>(c.blocks));
}

void read_one_rope(const Keys& keys, Config& c, const LlamaDefaults& d) {
  ReadRope rope = read_rope(keys, c.head_width, c.context,
                            {.theta = d.theta,
                             .partial = d.partial,
                             .partial_allowed = d.partial_allowed,
                             .alpha = d.alpha,
                             .mscale = d.mscale,
                             .growth = d.growth,
                             .sections = d.sections});
  rope.rope.pairs = d.pairs;
  c.ropes = {std::move(rope.rope)};
  c.context = rope.longest.value_or(c.context);
  check_frequencies(c, keys.where());
}

std::vector<std::string_view> kinds_of_blocks(const Keys& keys, std::string_view key, const Config& c) {
  std::vector<std::string_view> kinds;
  if (keys.has(key)) kinds = keys.strings(key);
  if (!kinds.empty() && kinds.size() != c.layers.size())
    throw Error(Code::format, keys.where(),
                fmt::format("'{}' has {} blocks, the model {}", key, kinds.size(), c.blocks));
  return kinds;
}

void read_windows(const Keys& keys, Config& c, std::int64_t window, const std::function<bool(std::int64_t)>& windowed) {
  const auto kinds = kinds_of_blocks(keys, "layer_types", c);
  for (std::size_t l = 0; l < c.layers.size(); ++l) {
    if (!kinds.empty() && kinds[l] != "sliding_attention" && kinds[l] != "full_attention" && kinds[l] != "attention")
      throw Error(Code::unsupported, keys.where(),
                  fmt::format("'layer_types': '{}' in block {} is not supported", kinds[l], l));
    const bool sliding = kinds.empty() ? windowed(static_cast<std::int64_t>(l)) : kinds[l] == "sliding_attention";
    if (sliding && !kinds.empty() && window == 0)
      throw Error(Code::format, keys.where(),
                  fmt::format("'layer_types' gives block {} a sliding window, and the other keys none", l));
    c.layers[l].window = sliding ? window : 0;
  }
}

void read_llama(const Keys& keys, Config& c, Names& n) {
  n.in_site_table = true;
  keys.ignore("activation");  // "swiglu" in Falcon 3: what hidden_act says again
  read_llama_keys(keys, c);
  read_biases(keys, n);
  read_one_rope(keys, c, {});
}

void read_mistral(const Keys& keys, Config& c, Names&) {
  read_llama_keys(keys, c, {.kv_heads = 8});
  read_one_rope(keys, c, {});
  for (Layer& layer : c.layers) layer.window = window_of(keys, 4096);
}

// Of images and texts, positions have parts (mrope_section), which are the same for each word of a text.
void read_qwen2(const Keys& keys, Config& c, Names& n) {
  n.qkv_bias = true;
  read_llama_keys(keys, c, {.kv_heads = 32});
  read_one_rope(keys, c, {.sections = true});
  read_qwen_windows(keys, c);
}

void read_qwen3(const Keys& keys, Config& c, Names& n) {
  use_qk_norms(c, n, QkNorm::heads);
  read_llama_keys(keys, c, {.head_width = 128, .kv_heads = 32});
  read_biases(keys, n);
  read_one_rope(keys, c, {.sections = true});
  read_qwen_windows(keys, c);
}

void read_turned_blocks(const Keys& keys, Config& c, std::int64_t otherwise) {
  const std::int64_t interval = keys.integer("no_rope_layer_interval", otherwise);
  if (interval < 1) throw Error(Code::format, keys.where(), fmt::format("a no_rope_layer_interval of {}", interval));
  std::vector<double> turned;  // 1: with rotation
  if (keys.has("no_rope_layers")) turned = keys.numbers("no_rope_layers");
  if (!turned.empty() && turned.size() != c.layers.size())
    throw Error(Code::format, keys.where(),
                fmt::format("'no_rope_layers' has {} blocks, the model {}", turned.size(), c.blocks));
  for (std::size_t l = 0; l < c.layers.size(); ++l) {
    const bool turns = turned.empty() ? static_cast<std::int64_t>(l + 1) % interval != 0 : turned[l] != 0;
    c.layers[l].rope = turns ? 0 : -1;
  }
}

void read_smollm3(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.tied = true, .kv_heads = 4};
  read_llama_keys(keys, c, defaults);
  read_biases(keys, n);
  read_one_rope(keys, c, defaults);
  read_turned_blocks(keys, c, 4);
  keys.ignore("max_window_layers");  // Qwen's, which SmolLM3's files have and nobody reads
  const bool used = keys.truth("use_sliding_window", false);
  read_windows(keys, c, window_of(keys, {}, used),
               [&c](std::int64_t l) { return c.layers[static_cast<std::size_t>(l)].rope < 0; });
}

void read_multipliers(const Keys& keys, Config& c) {
  c.embedding_scale = static_cast<float>(keys.number("embedding_multiplier", 1));
  c.residual_scale = static_cast<float>(keys.number("residual_multiplier", 1));
  c.attn_scale = static_cast<float>(keys.number("attention_multiplier", 1));
  c.logit_scale = static_cast<float>(1 / keys.number("logits_scaling", 1));
  for (float factor : {c.embedding_scale, c.residual_scale, c.attn_scale, c.logit_scale}) {
    if (!(factor != 0) || !std::isfinite(factor))
      throw Error(Code::format, keys.where(), fmt::format("a multiplier of {}", factor));
  }
}

void read_granite(const Keys& keys, Config& c, Names& n) {
  read_llama_keys(keys, c);
  read_biases(keys, n);
  read_one_rope(keys, c, {});
  read_multipliers(keys, c);
}

void read_olmo(const Keys& keys, Config& c, Names& n) {
  read_llama_keys(keys, c);
  c.norm = NormKind::layer, c.epsilon = 1e-5f;
  n.norm_gain = false;
  read_attention_bias(keys, n);
  read_one_rope(keys, c, {});
  c.qkv_clip = static_cast<float>(keys.positive_or_none("clip_qkv"));
}

// Norms after the branches only, and over the whole width of queries and keys.
void read_olmo2_keys(const Keys& keys, Config& c, Names& n) {
  n.ln1_post = "post_attention_layernorm", n.ln2_post = "post_feedforward_layernorm";
  use_qk_norms(c, n, QkNorm::together);
  c.norm_before = false, c.norm_after = true;
  read_llama_keys(keys, c, {.epsilon = 1e-5});
  read_attention_bias(keys, n);
}

void read_olmo2(const Keys& keys, Config& c, Names& n) {
  read_olmo2_keys(keys, c, n);
  read_one_rope(keys, c, {});
}

void read_phi3(const Keys& keys, Config& c, Names& n) {
  n.qkv = "self_attn.qkv_proj", n.fused = Fused::stacked, n.gate_up = "mlp.gate_up_proj";
  const LlamaDefaults defaults{.epsilon = 1e-5, .partial_allowed = true};
  read_llama_keys(keys, c, defaults);
  read_one_rope(keys, c, defaults);
  for (Layer& layer : c.layers) layer.window = window_of(keys, {});
}

void read_arcee(const Keys& keys, Config& c, Names& n) {
  read_llama_keys(keys, c, {.epsilon = 1e-5, .activation = "relu2"});
  c.gated_mlp = false;
  read_biases(keys, n);
  read_one_rope(keys, c, {});
}

void read_helium(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.epsilon = 1e-8, .pairs = true, .head_width = 128, .kv_heads = 20};
  read_llama_keys(keys, c, defaults);
  n.qkv_bias = keys.truth("attention_bias", false);
  n.mlp_bias = keys.truth("mlp_bias", false);
  read_one_rope(keys, c, defaults);
}

void read_glm(const Keys& keys, Config& c, Names& n) {
  n.gate_up = "mlp.gate_up_proj";
  const LlamaDefaults defaults{
      .epsilon = 1.5625e-7, .partial = 0.5, .partial_allowed = true, .pairs = true, .head_width = 128, .kv_heads = 2};
  read_llama_keys(keys, c, defaults);
  n.qkv_bias = keys.truth("attention_bias", true);
  read_one_rope(keys, c, defaults);
}

void read_glm4(const Keys& keys, Config& c, Names& n) {
  read_glm(keys, c, n);
  c.norm_after = true;
  n.ln1_post = "post_self_attn_layernorm", n.ln2_post = "post_mlp_layernorm";
}

}  // namespace embscope
