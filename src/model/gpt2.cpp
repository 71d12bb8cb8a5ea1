// GPT-2 (Radford et al. 2019) and its relatives with learned positions: GPT-Neo, GPTBigCode, OPT.
#include <cmath>

#include <fmt/format.h>

#include "model/families.h"

namespace embscope {
namespace {

// transformer.h.N.ln_1 and so on: the names that GPT-2 began with.
void name_as_gpt2(Names& n) {
  n.root = "transformer.", n.block = "h.{}.";
  n.wte = "wte", n.wpe = "wpe", n.ln_final = "ln_f", n.ln1 = "ln_1", n.ln2 = "ln_2";
  n.qkv = "attn.c_attn", n.o = "attn.c_proj", n.up = "mlp.c_fc", n.down = "mlp.c_proj", n.attention = "attn";
  n.fused = Fused::stacked;
  n.norm_bias = n.qkv_bias = n.o_bias = n.mlp_bias = true;
}

void read_gpt2_keys(const Keys& keys, Config& c) {
  c.vocab = keys.integer("vocab_size");
  c.width = keys.same_integer({"n_embd", "hidden_size"});
  c.blocks = keys.same_integer({"n_layer", "num_hidden_layers"});
  c.heads = c.kv_heads = keys.same_integer({"n_head", "num_attention_heads"});
  c.context = keys.same_integer({"n_positions", "max_position_embeddings", "n_ctx"});
  c.mlp_width = keys.optional_integer("n_inner").value_or(4 * c.width);
  c.epsilon = static_cast<float>(keys.number("layer_norm_epsilon", 1e-5));
}

void finish_gpt2(const Keys& keys, Config& c) {
  check_config(c, keys.where());
  c.head_width = c.width / c.heads;
  c.layers.resize(static_cast<std::size_t>(c.blocks));
}

// Norms of the sums: after attention and after the MLP, and none after the last block.
void norm_sums(Config& c, Names& n) {
  c.norm_sums = true, c.norm_before = c.final_norm = false;
  n.ln1_post = n.ln1, n.ln2_post = n.ln2;
}

void check_sinusoidal(const Keys& keys, const Config& c) {
  if (c.width % 2 != 0 || c.width < 4)
    throw Error(Code::format, keys.where(), fmt::format("sines and cosines of a width of {}", c.width));
}

}  // namespace

Names gpt2_names() {
  Names n;
  name_as_gpt2(n);
  n.input_major = n.in_site_table = true;
  return n;
}

void read_gpt2(const Keys& keys, Config& c, Names& n) {
  n = gpt2_names();
  read_gpt2_keys(keys, c);
  c.activation = activation_of(keys, "activation_function", "gelu_new");
  c.tied = keys.truth("tie_word_embeddings", true);
  finish_gpt2(keys, c);
  if (!keys.truth("scale_attn_weights", true)) c.attn_scale = 1;
  if (keys.truth("scale_attn_by_inverse_layer_idx", false)) {
    for (std::size_t l = 0; l < c.layers.size(); ++l) c.layers[l].scale = 1 / static_cast<double>(l + 1);
  }
}

void read_openai_gpt(const Keys& keys, Config& c, Names& n) {
  name_as_gpt2(n);
  n.input_major = true, n.wte = "tokens_embed", n.wpe = "positions_embed";
  norm_sums(c, n);
  read_gpt2_keys(keys, c);
  c.activation = activation_of(keys, "afn", "gelu");
  if (c.activation == Activation::gelu_exact) c.activation = Activation::gelu_tanh;  // which it means by that
  if (c.mlp_width != 4 * c.width)
    throw Error(Code::unsupported, keys.where(), "'n_inner': the MLP of a GPT is four times as wide as the model");
  c.tied = keys.truth("tie_word_embeddings", true);
  finish_gpt2(keys, c);
}

void read_gpt_bigcode(const Keys& keys, Config& c, Names& n) {
  name_as_gpt2(n);
  read_gpt2_keys(keys, c);
  c.activation = activation_of(keys, "activation_function", "gelu_pytorch_tanh");
  c.tied = keys.truth("tie_word_embeddings", true);
  for (const char* key : {"inference_runner", "pad_key_length", "validate_runner_input"})
    keys.ignore(key);  // of a runner that is gone
  const bool shared = keys.truth("multi_query", true);
  if (shared) c.kv_heads = 1;
  if (!shared) n.fused = Fused::by_heads;
  if (keys.integer("num_key_value_heads", c.kv_heads) != c.kv_heads)
    throw Error(Code::format, keys.where(),
                fmt::format("'num_key_value_heads' must be {} by 'multi_query'", c.kv_heads));
  finish_gpt2(keys, c);
  if (!keys.truth("scale_attn_weights", true)) c.attn_scale = 1;
}

void read_gpt_neo(const Keys& keys, Config& c, Names& n) {
  name_as_gpt2(n);
  n.fused = Fused::none, n.qkv_bias = false;
  n.q = "attn.attention.q_proj", n.k = "attn.attention.k_proj", n.v = "attn.attention.v_proj",
  n.o = "attn.attention.out_proj";
  c.vocab = keys.integer("vocab_size");
  c.width = keys.integer("hidden_size");
  c.blocks = keys.same_integer({"num_layers", "num_hidden_layers"});
  c.heads = c.kv_heads = keys.same_integer({"num_heads", "num_attention_heads"});
  c.context = keys.integer("max_position_embeddings");
  c.mlp_width = keys.optional_integer("intermediate_size").value_or(4 * c.width);
  c.epsilon = static_cast<float>(keys.number("layer_norm_epsilon", 1e-5));
  c.activation = activation_of(keys, "activation_function", "gelu_new");
  c.tied = keys.truth("tie_word_embeddings", true);
  finish_gpt2(keys, c);
  c.attn_scale = 1;
  const std::int64_t window = keys.integer("window_size", 256);
  if (window < 1) throw Error(Code::format, keys.where(), fmt::format("a window_size of {}", window));
  keys.ignore("attention_types");  // [[["global", "local"], 12]], which attention_layers spells out
  const auto kinds = attention_kinds(keys, c.blocks);
  for (std::size_t l = 0; l < c.layers.size(); ++l) c.layers[l].window = kinds[l] == "local" ? window : 0;
}

void read_opt(const Keys& keys, Config& c, Names& n) {
  n.root = "model.decoder.";
  n.wpe = "embed_positions", n.ln_final = "final_layer_norm", n.ln1 = "self_attn_layer_norm",
  n.ln2 = "final_layer_norm";
  n.o = "self_attn.out_proj", n.up = "fc1", n.down = "fc2", n.mlp = "";
  n.norm_bias = true;
  n.first_position = 2;
  n.qkv_bias = n.o_bias = n.mlp_bias = keys.truth("enable_bias", true);
  c.vocab = keys.integer("vocab_size");
  c.width = keys.integer("hidden_size");
  c.blocks = keys.integer("num_hidden_layers");
  c.heads = c.kv_heads = keys.integer("num_attention_heads");
  c.context = keys.integer("max_position_embeddings");
  c.mlp_width = keys.integer("ffn_dim");
  c.activation = activation_of(keys, "activation_function", "relu");
  c.tied = keys.truth("tie_word_embeddings", true);
  if (const auto narrow = keys.optional_integer("word_embed_proj_dim"); narrow && *narrow != c.width) {
    if (*narrow < 1 || *narrow > (1 << 20))
      throw Error(Code::format, keys.where(), fmt::format("a word_embed_proj_dim of {}", *narrow));
    n.projected = *narrow;
  }
  if (!keys.truth("do_layer_norm_before", true)) norm_sums(c, n);  // opt-350m
  if (keys.truth("_remove_final_layer_norm", false)) c.final_norm = false;
  keys.ignore("output_projection");  // of fairseq: whether there is a head
  if (!keys.truth("layer_norm_elementwise_affine", true)) n.norm_gain = false;
  finish_gpt2(keys, c);
}

void read_xglm(const Keys& keys, Config& c, Names& n) {
  n.ln_final = "layer_norm", n.ln1 = "self_attn_layer_norm", n.ln2 = "final_layer_norm";
  n.o = "self_attn.out_proj", n.up = "fc1", n.down = "fc2", n.mlp = "";
  n.norm_bias = n.qkv_bias = n.o_bias = n.mlp_bias = true;
  n.sinusoidal = Sinusoidal::fairseq, n.first_position = 2;
  c.vocab = keys.integer("vocab_size");
  c.width = keys.same_integer({"d_model", "hidden_size"});
  c.blocks = keys.same_integer({"num_layers", "num_hidden_layers"});
  c.heads = c.kv_heads = keys.same_integer({"attention_heads", "num_attention_heads"});
  c.context = keys.integer("max_position_embeddings", 2048);
  c.mlp_width = keys.integer("ffn_dim");
  c.activation = activation_of(keys, "activation_function", "gelu");
  c.tied = keys.truth("tie_word_embeddings", true);
  if (keys.truth("add_cross_attention", false))
    throw Error(Code::unsupported, keys.where(),
                "'add_cross_attention': an XGLM that reads an encoder is not supported");
  finish_gpt2(keys, c);
  check_sinusoidal(keys, c);
  if (keys.truth("scale_embedding", true)) c.embedding_scale = std::sqrt(static_cast<float>(c.width));
}

void read_biogpt(const Keys& keys, Config& c, Names& n) {
  n.root = "biogpt.", n.head = "output_projection";
  n.wpe = "embed_positions", n.ln_final = "layer_norm", n.ln1 = "self_attn_layer_norm", n.ln2 = "final_layer_norm";
  n.o = "self_attn.out_proj", n.up = "fc1", n.down = "fc2", n.mlp = "";
  n.norm_bias = n.qkv_bias = n.o_bias = n.mlp_bias = true;
  n.first_position = 2;
  c.vocab = keys.integer("vocab_size");
  c.width = keys.integer("hidden_size"), c.blocks = keys.integer("num_hidden_layers");
  c.heads = c.kv_heads = keys.integer("num_attention_heads");
  c.context = keys.integer("max_position_embeddings", 1024);
  c.mlp_width = keys.integer("intermediate_size");
  c.activation = activation_of(keys, "hidden_act", "gelu");
  c.tied = keys.truth("tie_word_embeddings", true);
  keys.ignore("layer_norm_eps");  // its norms have PyTorch's
  finish_gpt2(keys, c);
  if (keys.truth("scale_embedding", true)) c.embedding_scale = std::sqrt(static_cast<float>(c.width));
}

void read_ctrl(const Keys& keys, Config& c, Names& n) {
  n.root = "transformer.", n.block = "h.{}.", n.wte = "w", n.ln_final = "layernorm";
  n.ln1 = "layernorm1", n.ln2 = "layernorm2", n.attention = "multi_head_attention", n.mlp = "ffn";
  n.q = "multi_head_attention.Wq", n.k = "multi_head_attention.Wk", n.v = "multi_head_attention.Wv",
  n.o = "multi_head_attention.dense", n.up = "ffn.0", n.down = "ffn.2";
  n.norm_bias = n.qkv_bias = n.o_bias = n.mlp_bias = n.head_bias = true;
  n.sinusoidal = Sinusoidal::vaswani;
  c.vocab = keys.integer("vocab_size");
  c.width = keys.same_integer({"n_embd", "hidden_size"});
  c.blocks = keys.same_integer({"n_layer", "num_hidden_layers"});
  c.heads = c.kv_heads = keys.same_integer({"n_head", "num_attention_heads"});
  c.context = keys.same_integer({"n_positions", "max_position_embeddings", "n_ctx"});
  c.mlp_width = keys.integer("dff");
  c.epsilon = 1e-6f;  // of its blocks, whatever the configuration says of the last norm
  if (const double last = keys.number("layer_norm_epsilon", 1e-6); last != 1e-6)
    throw Error(Code::unsupported, keys.where(),
                fmt::format("'layer_norm_epsilon' of {}: only that of the blocks' norms, 1e-06, is supported", last));
  c.activation = Activation::relu;
  c.tied = keys.truth("tie_word_embeddings", true);
  finish_gpt2(keys, c);
  check_sinusoidal(keys, c);
  c.embedding_scale = std::sqrt(static_cast<float>(c.width));
}

}  // namespace embscope
