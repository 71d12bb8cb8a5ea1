// GPT-2 (Radford et al. 2019) in Hugging Face's files: Conv1D weights [in, out], queries, keys and values in one tensor.
#include <fmt/format.h>

#include "model/family.h"

namespace embscope {

Config gpt2_config(const Keys& keys) {
  Config c;
  c.family = "gpt2";
  c.vocab = keys.integer("vocab_size");
  c.width = keys.same_integer({"n_embd", "hidden_size"});
  c.blocks = keys.same_integer({"n_layer", "num_hidden_layers"});
  c.heads = c.kv_heads = keys.same_integer({"n_head", "num_attention_heads"});
  c.context = keys.same_integer({"n_positions", "max_position_embeddings", "n_ctx"});
  c.mlp_width = keys.optional_integer("n_inner").value_or(4 * c.width);
  c.epsilon = static_cast<float>(keys.number("layer_norm_epsilon", 1e-5));
  c.activation = activation_of(keys, "activation_function", "gelu_new");
  c.tied = keys.truth("tie_word_embeddings", true);
  check_config(c, keys.where());
  c.head_width = c.width / c.heads;
  if (!keys.truth("scale_attn_weights", true)) c.attn_scale = 1;
  return c;
}

Weights gpt2_weights(Config& c, const Tensors& tensors) {
  const std::string root = tensors.has("transformer.wte.weight") || tensors.has("transformer.wpe.weight") ? "transformer." : "";
  Weights w;
  w.wte = tensors.matrix(root + "wte.weight", c.vocab, c.width);
  w.wpe = tensors.matrix(root + "wpe.weight", c.context, c.width);
  w.unembed = unembedding(c, w.wte, tensors, "lm_head.weight");
  auto norm = [&](const std::string& name) {
    return Norm{tensors.vector(name + ".weight", c.width), tensors.vector(name + ".bias", c.width)};
  };
  for (std::int64_t l = 0; l < c.blocks; ++l) {
    const std::string h = fmt::format("{}h.{}.", root, l);
    auto part = [&](std::int64_t i) {
      return tensors.input_major(h + "attn.c_attn.weight", c.width, c.width, i * c.width, 3 * c.width);
    };
    auto part_bias = [&](std::int64_t i) {
      Vector v = tensors.vector(h + "attn.c_attn.bias", 3 * c.width);
      return Vector{v.view, i * c.width, c.width};
    };
    BlockWeights b;
    b.ln1 = norm(h + "ln_1");
    b.ln2 = norm(h + "ln_2");
    b.q = part(0), b.k = part(1), b.v = part(2);
    b.q_bias = part_bias(0), b.k_bias = part_bias(1), b.v_bias = part_bias(2);
    b.o = tensors.input_major(h + "attn.c_proj.weight", c.width, c.width, 0, c.width);
    b.o_bias = tensors.vector(h + "attn.c_proj.bias", c.width);
    b.up = tensors.input_major(h + "mlp.c_fc.weight", c.mlp_width, c.width, 0, c.mlp_width);
    b.up_bias = tensors.vector(h + "mlp.c_fc.bias", c.mlp_width);
    b.down = tensors.input_major(h + "mlp.c_proj.weight", c.width, c.mlp_width, 0, c.width);
    b.down_bias = tensors.vector(h + "mlp.c_proj.bias", c.width);
    w.blocks.push_back(std::move(b));
  }
  w.ln_final = norm(root + "ln_f");
  return w;
}

}  // namespace embscope
