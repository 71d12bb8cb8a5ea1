// Gemma 1 to 3 (Gemma Team 2024, 2025): gains kept less 1, embeddings times sqrt(width), and from 2 on norms after the
// branches too.
#include <cmath>

#include <fmt/format.h>

#include "model/families.h"

namespace embscope {
namespace {

// In half precision as the models were trained: sqrt(width) is rounded to the dtype of the weights, which here is fp32.
void read_gemma_keys(const Keys& keys, Config& c, Names& n, const LlamaDefaults& defaults) {
  read_llama_keys(keys, c, defaults);
  c.embedding_scale = std::sqrt(static_cast<float>(c.width));
  n.norm_plus = 1;
  read_attention_bias(keys, n);
}

void read_gemma2_keys(const Keys& keys, Config& c, Names& n, const LlamaDefaults& defaults, double score_cap,
                      double logit_cap) {
  n.ln1_post = "post_attention_layernorm", n.ln2 = "pre_feedforward_layernorm",
  n.ln2_post = "post_feedforward_layernorm";
  c.norm_after = true;
  read_gemma_keys(keys, c, n, defaults);
  c.attn_scale = static_cast<float>(1 / std::sqrt(keys.number("query_pre_attn_scalar", 256)));
  if (!std::isfinite(c.attn_scale)) throw Error(Code::format, keys.where(), "'query_pre_attn_scalar' must be positive");
  auto cap = [&](const char* key, double otherwise) {
    return static_cast<float>(keys.absent(key) ? otherwise : keys.positive_or_none(key));
  };
  c.score_cap = cap("attn_logit_softcapping", score_cap), c.logit_cap = cap("final_logit_softcapping", logit_cap);
}

std::int64_t window_of(const Keys& keys) {
  const std::int64_t window =
      keys.absent("sliding_window") ? 4096 : keys.optional_integer("sliding_window").value_or(0);
  if (window < 1 && keys.has("sliding_window"))
    throw Error(Code::format, keys.where(), fmt::format("a sliding_window of {}", window));
  return window;
}

}  // namespace

void read_two_ropes(const Keys& keys, Config& c, const LlamaDefaults& d) {
  std::optional<Keys> whole, windowed;
  keys.ignore("rope_parameters"), keys.ignore("rope_scaling");
  if (keys.has("rope_parameters")) {
    const Keys kinds = keys.object("rope_parameters");
    if (kinds.has("full_attention")) whole = kinds.object("full_attention");
    if (kinds.has("sliding_attention")) windowed = kinds.object("sliding_attention");
    kinds.refuse_rest();
  }
  if (keys.has("rope_scaling")) {
    if (whole)
      throw Error(Code::unsupported, keys.where(),
                  "'rope_scaling' and 'rope_parameters' are both given: keep only one");
    whole = keys.object("rope_scaling");
  }
  const double theta = keys.number("rope_theta", d.theta),
               local = keys.number("rope_local_base_freq", d.local_theta > 0 ? d.local_theta : theta);
  c.ropes = {read_rope_object(whole, c.head_width, c.context, {theta}, keys).rope,
             read_rope_object(windowed, c.head_width, c.context, {local}, keys).rope};
  for (Layer& layer : c.layers) layer.rope = layer.window > 0 ? 1 : 0;
  check_frequencies(c, keys.where());
}

void read_gemma(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.tied = true, .head_width = 256, .kv_heads = 16, .activation = "gelu_pytorch_tanh"};
  read_gemma_keys(keys, c, n, defaults);
  if (c.activation == Activation::gelu_exact)
    c.activation = Activation::gelu_tanh;  // what the first files meant by "gelu"
  if (keys.has("hidden_activation") && activation_of(keys, "hidden_activation", "") != c.activation)
    throw Error(Code::format, keys.where(), "'hidden_act' and 'hidden_activation' differ");
  read_one_rope(keys, c, defaults);
}

void read_gemma2(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.tied = true,
                               .head_width = 256,
                               .kv_heads = 4,
                               .activation = "gelu_pytorch_tanh",
                               .activation_key = "hidden_activation"};
  for (const char* key : {"hidden_act", "sliding_window_size"})
    keys.ignore(key);  // the first files have both names, and transformers reads the other one
  read_gemma2_keys(keys, c, n, defaults, 50, 30);
  read_one_rope(keys, c, defaults);
  read_windows(keys, c, window_of(keys), [](std::int64_t l) { return l % 2 == 0; });
}

// Gemma 2 without the norms after its branches.
void read_vaultgemma(const Keys& keys, Config& c, Names& n) {
  read_gemma2(keys, c, n);
  c.norm_after = false;
  n.ln1_post = n.ln2_post = "";
}

void read_gemma3(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.tied = true,
                               .theta = 1e6,
                               .head_width = 256,
                               .kv_heads = 4,
                               .activation = "gelu_pytorch_tanh",
                               .activation_key = "hidden_activation",
                               .vocab = 262208,
                               .heads = 8,
                               .context = 131072,
                               .local_theta = 10000};
  use_qk_norms(c, n, QkNorm::heads);
  read_gemma2_keys(keys, c, n, defaults, 0, 0);
  if (c.score_cap != 0)  // transformers reads it and does not use it
    throw Error(Code::unsupported, keys.where(), "'attn_logit_softcapping': a cap of scores is not known for Gemma 3");
  const std::int64_t interval = keys.integer("sliding_window_pattern", 6);
  keys.ignore("_sliding_window_pattern");  // what transformers keeps of it beside layer_types
  if (interval < 1) throw Error(Code::format, keys.where(), fmt::format("a sliding_window_pattern of {}", interval));
  read_windows(keys, c, window_of(keys), [interval](std::int64_t l) { return (l + 1) % interval != 0; });
  read_two_ropes(keys, c, defaults);
}

}  // namespace embscope
