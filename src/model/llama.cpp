// Llama (Touvron et al. 2023) in Hugging Face's files.
#include <fmt/format.h>

#include "model/family.h"
#include "model/rope.h"

namespace embscope {

Config llama_config(const Keys& keys) {
  Config c;
  c.family = "llama";
  c.norm = NormKind::rms;
  c.position = PositionKind::rotary;
  c.gated_mlp = true;
  c.vocab = keys.integer("vocab_size");
  c.width = keys.integer("hidden_size");
  c.blocks = keys.integer("num_hidden_layers");
  c.heads = keys.integer("num_attention_heads");
  c.kv_heads = keys.optional_integer("num_key_value_heads").value_or(c.heads);
  c.mlp_width = keys.integer("intermediate_size");
  c.context = keys.integer("max_position_embeddings", 2048);
  c.head_width = keys.optional_integer("head_dim").value_or(c.heads > 0 ? c.width / c.heads : 0);
  c.epsilon = static_cast<float>(keys.number("rms_norm_eps", 1e-6));
  c.activation = activation_of(keys, "hidden_act", "silu");
  c.tied = keys.truth("tie_word_embeddings", false);
  check_config(c, keys.where());
  const Rope rope = read_rope(keys, c.head_width, c.context);
  c.rope_frequencies = rope.frequencies, c.attn_scale = scale_of(rope, c.head_width);
  c.context = rope.longest.value_or(c.context);
  check_frequencies(c, keys.where());
  return c;
}

Weights llama_weights(Config& c, const Keys& keys, const Tensors& tensors) {
  const bool attention_bias = keys.truth("attention_bias", false), mlp_bias = keys.truth("mlp_bias", false);
  const std::int64_t q_width = c.heads * c.head_width, kv_width = c.kv_heads * c.head_width;
  Weights w;
  w.wte = tensors.matrix("model.embed_tokens.weight", c.vocab, c.width);
  w.unembed = unembedding(c, w.wte, tensors, "lm_head.weight");
  auto bias = [&](bool there, const std::string& name, std::int64_t count) { return there ? tensors.vector(name, count) : Vector{}; };
  for (std::int64_t l = 0; l < c.blocks; ++l) {
    const std::string layer = fmt::format("model.layers.{}.", l), attn = layer + "self_attn.", mlp = layer + "mlp.";
    BlockWeights b;
    b.ln1 = {tensors.vector(layer + "input_layernorm.weight", c.width), {}};
    b.ln2 = {tensors.vector(layer + "post_attention_layernorm.weight", c.width), {}};
    b.q = tensors.matrix(attn + "q_proj.weight", q_width, c.width);
    b.k = tensors.matrix(attn + "k_proj.weight", kv_width, c.width);
    b.v = tensors.matrix(attn + "v_proj.weight", kv_width, c.width);
    b.o = tensors.matrix(attn + "o_proj.weight", c.width, q_width);
    b.q_bias = bias(attention_bias, attn + "q_proj.bias", q_width);
    b.k_bias = bias(attention_bias, attn + "k_proj.bias", kv_width);
    b.v_bias = bias(attention_bias, attn + "v_proj.bias", kv_width);
    b.o_bias = bias(attention_bias, attn + "o_proj.bias", c.width);
    b.gate = tensors.matrix(mlp + "gate_proj.weight", c.mlp_width, c.width);
    b.up = tensors.matrix(mlp + "up_proj.weight", c.mlp_width, c.width);
    b.down = tensors.matrix(mlp + "down_proj.weight", c.width, c.mlp_width);
    b.gate_bias = bias(mlp_bias, mlp + "gate_proj.bias", c.mlp_width);
    b.up_bias = bias(mlp_bias, mlp + "up_proj.bias", c.mlp_width);
    b.down_bias = bias(mlp_bias, mlp + "down_proj.bias", c.width);
    w.blocks.push_back(std::move(b));
  }
  w.ln_final = {tensors.vector("model.norm.weight", c.width), {}};
  return w;
}

}  // namespace embscope
