// Families with LayerNorm and rotary positions or ALiBi, many of them with parallel branches: GPT-NeoX (Black et al.
// 2022), GPT-J, Phi, BLOOM, Falcon, MPT, StableLM, StarCoder2, Cohere, Nemotron.
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "model/families.h"

namespace embscope {
namespace {

void name_as_bloom(Names& n) {
  n.root = "transformer.", n.block = "h.{}.";
  n.wte = "word_embeddings", n.ln_final = "ln_f";
  n.qkv = "self_attention.query_key_value", n.o = "self_attention.dense", n.up = "mlp.dense_h_to_4h",
  n.down = "mlp.dense_4h_to_h";
  n.attention = "self_attention";
  n.fused = Fused::by_heads;
  n.norm_bias = n.qkv_bias = n.o_bias = n.mlp_bias = true;
}

void use_layer_norm(Config& c, Names& n) {
  c.norm = NormKind::layer;
  n.norm_bias = true;
}

}  // namespace

// 2^(-8/n), its square and so on for n heads (Press et al. 2022); between powers of two, every other one of the next.
std::vector<double> bloom_slopes(std::int64_t heads) {
  const auto whole = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(heads)));
  std::vector<double> slopes;
  for (std::int64_t i = 1; i <= whole; ++i)
    slopes.push_back(std::exp2(-8.0 * static_cast<double>(i) / static_cast<double>(whole)));
  for (std::int64_t i = 0; i < heads - whole; ++i)
    slopes.push_back(std::exp2(-4.0 * static_cast<double>(2 * i + 1) / static_cast<double>(whole)));
  return slopes;
}

// MPT takes those of the next power of two: the even ones first.
std::vector<double> mpt_slopes(std::int64_t heads, double most) {
  const auto next = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(heads)));
  auto slope = [&](std::int64_t i) { return std::exp2(-most * static_cast<double>(i) / static_cast<double>(next)); };
  std::vector<double> slopes;
  for (std::int64_t first : {next == heads ? 1 : 2, 1}) {
    for (std::int64_t i = first; i <= next && static_cast<std::int64_t>(slopes.size()) < heads;
         i += next == heads ? 1 : 2)
      slopes.push_back(slope(i));
  }
  return slopes;
}

void read_gpt_neox(const Keys& keys, Config& c, Names& n) {
  n.root = "gpt_neox.", n.wte = "embed_in", n.ln_final = "final_layer_norm", n.head = "embed_out";
  n.qkv = "attention.query_key_value", n.fused = Fused::by_heads, n.o = "attention.dense", n.up = "mlp.dense_h_to_4h",
  n.down = "mlp.dense_4h_to_h";
  n.attention = "attention";
  n.mlp_bias = true;
  read_attention_bias(keys, n, true);
  const LlamaDefaults defaults{
      .partial = 0.25, .partial_allowed = true, .activation = "gelu", .epsilon_key = "layer_norm_eps"};
  read_llama_keys(keys, c, {.epsilon = 1e-5, .activation = "gelu", .epsilon_key = "layer_norm_eps"});
  use_layer_norm(c, n);
  c.gated_mlp = false;
  c.parallel = keys.truth("use_parallel_residual", true);
  RopeDefaults rope{keys.number("rotary_emb_base", 10000), defaults.partial, true,
                    keys.absent("rotary_pct") ? "partial_rotary_factor" : "rotary_pct"};
  ReadRope read = read_rope(keys, c.head_width, c.context, rope);
  c.ropes = {std::move(read.rope)};
  check_frequencies(c, keys.where());
}

void read_gptj(const Keys& keys, Config& c, Names& n) {
  n.root = "transformer.", n.block = "h.{}.", n.wte = "wte", n.ln_final = "ln_f", n.ln1 = "ln_1", n.ln2 = "";
  n.q = "attn.q_proj", n.k = "attn.k_proj", n.v = "attn.v_proj", n.o = "attn.out_proj", n.up = "mlp.fc_in",
  n.down = "mlp.fc_out", n.attention = "attn";
  n.mlp_bias = n.head_bias = true;
  c.vocab = keys.integer("vocab_size");
  c.width = keys.same_integer({"n_embd", "hidden_size"});
  c.blocks = keys.same_integer({"n_layer", "num_hidden_layers"});
  c.heads = c.kv_heads = keys.same_integer({"n_head", "num_attention_heads"});
  c.context = keys.same_integer({"n_positions", "max_position_embeddings"});
  c.mlp_width = keys.optional_integer("n_inner").value_or(4 * c.width);
  c.epsilon = static_cast<float>(keys.number("layer_norm_epsilon", 1e-5));
  c.activation = activation_of(keys, "activation_function", "gelu_new");
  c.tied = keys.truth("tie_word_embeddings", false);
  c.position = PositionKind::rotary, c.parallel = c.one_norm = true;
  check_config(c, keys.where());
  use_layer_norm(c, n);
  c.head_width = c.width / c.heads;
  keys.ignore("rotary");  // true in the first files, and never read
  const std::int64_t turned = keys.optional_integer("rotary_dim").value_or(c.head_width);
  if (turned < 2 || turned > c.head_width || turned % 2 != 0)
    throw Error(Code::format, keys.where(), fmt::format("a rotary_dim of {} in heads of {}", turned, c.head_width));
  c.ropes = {{rope_frequencies(10000, turned), 1, true}};
  c.layers.resize(static_cast<std::size_t>(c.blocks));
}

// Queries, values and keys of a quarter of the heads, four times in one tensor.
void read_codegen(const Keys& keys, Config& c, Names& n) {
  read_gptj(keys, c, n);
  n.qkv = "attn.qkv_proj", n.fused = Fused::in_quarters;
  if (c.heads % 4 != 0)
    throw Error(Code::format, keys.where(),
                fmt::format("{} heads do not divide into the four parts of a CodeGen", c.heads));
  keys.ignore("n_ctx");
}

void read_phi(const Keys& keys, Config& c, Names& n) {
  n.ln_final = "final_layernorm", n.ln2 = "", n.o = "self_attn.dense", n.up = "mlp.fc1", n.down = "mlp.fc2";
  n.qkv_bias = n.o_bias = n.mlp_bias = n.head_bias = true;
  const LlamaDefaults defaults{.epsilon = 1e-5,
                               .partial = 0.5,
                               .partial_allowed = true,
                               .activation = "gelu_new",
                               .epsilon_key = "layer_norm_eps"};
  read_llama_keys(keys, c, defaults);
  use_layer_norm(c, n);
  c.gated_mlp = false, c.parallel = c.one_norm = true;
  if (keys.truth("qk_layernorm", false)) {
    c.qk_norm = QkNorm::heads, c.qk_norm_kind = NormKind::layer;
    n.q_norm = "self_attn.q_layernorm", n.k_norm = "self_attn.k_layernorm", n.qk_bias = true;
  }
  read_one_rope(keys, c, defaults);
}

void read_bloom(const Keys& keys, Config& c, Names& n) {
  name_as_bloom(n);
  n.embedding_norm = "word_embeddings_layernorm";
  n.attention = n.o, n.mlp = n.down;  // the modules around them give back the stream itself
  c.vocab = keys.integer("vocab_size");
  c.width = keys.same_integer({"hidden_size", "n_embed"});
  c.blocks = keys.same_integer({"n_layer", "num_hidden_layers"});
  c.heads = c.kv_heads = keys.same_integer({"n_head", "num_attention_heads"});
  c.mlp_width = 4 * c.width;
  c.epsilon = static_cast<float>(keys.number("layer_norm_epsilon", 1e-5));
  c.tied = keys.truth("tie_word_embeddings", true);
  c.position = PositionKind::alibi, c.embedding_norm = true;
  keys.ignore("offset_alibi"), keys.ignore("slow_but_exact"), keys.ignore("seq_length"),
      keys.ignore("masked_softmax_fusion"), keys.ignore("bias_dropout_fusion");
  keys.ignore("unk_token_id"), keys.ignore("skip_bias_add"), keys.ignore("skip_bias_add_qkv"),
      keys.ignore("attention_softmax_in_fp32");
  c.context = alibi_context;
  check_config(c, keys.where());
  c.head_width = c.width / c.heads;
  c.alibi_slopes = bloom_slopes(c.heads);
  c.layers.resize(static_cast<std::size_t>(c.blocks));
}

void read_falcon(const Keys& keys, Config& c, Names& n) {
  read_falcon_of(keys, c, n, keys.truth("new_decoder_architecture", false));
}

void read_falcon_of(const Keys& keys, Config& c, Names& n, bool newer) {
  name_as_bloom(n);
  c.vocab = keys.integer("vocab_size");
  c.width = keys.same_integer({"hidden_size", "n_embed"});
  c.blocks = keys.same_integer({"num_hidden_layers", "n_layer"});
  c.heads = keys.same_integer({"num_attention_heads", "n_head"});
  c.context = keys.integer("max_position_embeddings", 2048);
  c.mlp_width = keys.optional_integer("ffn_hidden_size").value_or(4 * c.width);
  c.epsilon = static_cast<float>(keys.number("layer_norm_epsilon", 1e-5));
  c.activation = activation_of(keys, "activation", "gelu");
  c.tied = keys.truth("tie_word_embeddings", true);
  c.position = PositionKind::rotary;
  const bool shared = keys.truth("multi_query", true);
  const std::int64_t groups =
      keys.has("n_head_kv") ? keys.integer("n_head_kv") : keys.optional_integer("num_kv_heads").value_or(c.heads);
  c.kv_heads = newer ? groups : shared ? 1 : c.heads;
  c.parallel = keys.truth("parallel_attn", true) || newer;
  const std::int64_t norms = keys.optional_integer("num_ln_in_parallel_attn").value_or(newer ? 2 : 1);
  c.one_norm = c.parallel && !(newer && norms == 2);
  if (c.parallel && !c.one_norm) n.ln1 = "ln_attn", n.ln2 = "ln_mlp";
  n.qkv_bias = n.o_bias = n.mlp_bias = keys.truth("bias", false);
  if (newer && !keys.truth("parallel_attn", true))
    throw Error(Code::unsupported, keys.where(),
                "'parallel_attn': false with 'new_decoder_architecture' is not supported");
  check_config(c, keys.where());
  c.head_width = c.width / c.heads;
  c.layers.resize(static_cast<std::size_t>(c.blocks));
  if (!keys.truth("alibi", false)) return read_one_rope(keys, c, {});
  c.position = PositionKind::alibi, c.alibi_slopes = bloom_slopes(c.heads), c.alibi_rounded = true;
  for (const char* key : {"rope_theta", "rope_scaling", "rope_parameters"}) keys.ignore(key);
}

// Falcon's first names: the smaller one has one key and value for all heads and no word for it, the larger one groups.
void read_refined_web(const Keys& keys, Config& c, Names& n) {
  const bool groups = keys.has("n_head_kv");
  read_falcon_of(keys, c, n, groups);
}

void read_mpt(const Keys& keys, Config& c, Names& n) {
  n.root = "transformer.", n.block = "blocks.{}.", n.wte = "wte", n.ln_final = "norm_f", n.ln1 = "norm_1",
  n.ln2 = "norm_2";
  n.qkv = "attn.Wqkv", n.fused = Fused::stacked, n.o = "attn.out_proj", n.up = "ffn.up_proj", n.down = "ffn.down_proj",
  n.attention = "attn", n.mlp = n.down;
  c.vocab = keys.integer("vocab_size");
  c.width = keys.same_integer({"d_model", "hidden_size"});
  c.blocks = keys.same_integer({"n_layers", "num_hidden_layers"});
  c.heads = c.kv_heads = keys.same_integer({"n_heads", "num_attention_heads"});
  c.mlp_width = keys.integer("expansion_ratio", 4) * c.width;
  c.epsilon = static_cast<float>(keys.number("layer_norm_epsilon", 1e-5));
  c.activation = Activation::gelu_exact;
  c.tied = keys.truth("tie_word_embeddings", true);
  c.position = PositionKind::alibi;
  c.context = keys.integer("max_seq_len", 2048);
  check_config(c, keys.where());
  c.head_width = c.width / c.heads;
  double most = 8;
  if (keys.has("attn_config")) {
    const Keys attention = keys.object("attn_config");
    const std::string_view kind = attention.string("attn_type", "multihead_attention");
    if (kind != "multihead_attention" || !attention.truth("alibi", true) || attention.truth("qk_ln", false) ||
        attention.truth("prefix_lm", false))
      throw Error(Code::unsupported, keys.where(),
                  "'attn_config': an MPT with attn_type multihead_attention and alibi, without qk_ln and prefix_lm is "
                  "supported");
    most = attention.number("alibi_bias_max", 8);
    c.qkv_clip = static_cast<float>(attention.positive_or_none("clip_qkv"));
    c.attn_scale = static_cast<float>(attention.optional_number("softmax_scale").value_or(0));
    for (const char* key : {"attn_pdrop", "attn_impl", "model_type"}) attention.ignore(key);
    attention.refuse_rest();
  }
  if (!keys.truth("no_bias", true))
    throw Error(Code::unsupported, keys.where(), "'no_bias': false: an MPT with biases is not supported");
  for (const char* key : {"init_config", "init_device", "embedding_fraction", "norm_type", "verbose", "learned_pos_emb",
                          "emb_pdrop", "tokenizer_name"})
    keys.ignore(key);
  c.alibi_slopes = mpt_slopes(c.heads, most);
  c.layers.resize(static_cast<std::size_t>(c.blocks));
}

void read_stablelm(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{
      .epsilon = 1e-5, .partial = 0.25, .partial_allowed = true, .kv_heads = 32, .epsilon_key = "layer_norm_eps"};
  read_llama_keys(keys, c, defaults);
  use_layer_norm(c, n);
  keys.same_integer({"num_attention_heads", "num_heads"});
  keys.ignore("rope_pct");  // partial_rotary_factor again
  n.qkv_bias = keys.truth("use_qkv_bias", false);
  c.parallel = c.one_norm = keys.truth("use_parallel_residual", false);
  if (keys.truth("qk_layernorm", false)) {
    c.qk_norm = QkNorm::heads, c.qk_norm_kind = NormKind::layer;
    n.q_norm = "self_attn.q_layernorm.norms.{}", n.k_norm = "self_attn.k_layernorm.norms.{}";
  }
  read_one_rope(keys, c, defaults);
}

void read_starcoder2(const Keys& keys, Config& c, Names& n) {
  n.up = "mlp.c_fc", n.down = "mlp.c_proj";
  for (const char* key : {"mlp_type", "norm_type", "activation_function", "layer_norm_epsilon"})
    keys.ignore(key);  // what transformers does not read
  const LlamaDefaults defaults{
      .tied = true, .epsilon = 1e-5, .kv_heads = 2, .activation = "gelu_pytorch_tanh", .epsilon_key = "norm_epsilon"};
  read_llama_keys(keys, c, defaults);
  use_layer_norm(c, n);
  c.gated_mlp = false;
  n.qkv_bias = n.o_bias = n.mlp_bias = keys.truth("use_bias", true);
  read_one_rope(keys, c, defaults);
  const std::int64_t window = keys.optional_integer("sliding_window").value_or(0);
  if (window < 1 && keys.has("sliding_window"))
    throw Error(Code::format, keys.where(), fmt::format("a sliding_window of {}", window));
  for (Layer& layer : c.layers) layer.window = window;
}

void read_cohere(const Keys& keys, Config& c, Names& n) {
  n.ln2 = "";
  const LlamaDefaults defaults{.tied = true, .epsilon = 1e-5, .pairs = true, .epsilon_key = "layer_norm_eps"};
  read_llama_keys(keys, c, defaults);
  c.norm = NormKind::layer;
  c.parallel = c.one_norm = true;
  keys.ignore("position_embedding_type");  // rope_gptj: by pairs
  read_attention_bias(keys, n);
  c.logit_scale = static_cast<float>(keys.number("logit_scale", 0.0625));
  if (keys.truth("use_qk_norm", false)) {
    use_qk_norms(c, n, QkNorm::heads);
    c.qk_norm_kind = NormKind::layer;
  }
  read_one_rope(keys, c, defaults);
}

// Blocks with windows turn, those without have no positions.
void read_cohere2(const Keys& keys, Config& c, Names& n) {
  read_cohere(keys, c, n);
  const std::int64_t window = keys.integer("sliding_window", 4096),
                     interval = keys.integer("sliding_window_pattern", 4);
  if (window < 1 || interval < 1)
    throw Error(Code::format, keys.where(), fmt::format("a sliding_window of {} in {} blocks", window, interval));
  for (const char* key : {"order_of_interleaved_layers", "position_embedding_type", "rotary_pct",
                          "use_embedding_sharing", "use_gated_activation", "use_parallel_block",
                          "use_parallel_embedding", "layer_switch", "_sliding_window_pattern"})
    keys.ignore(key);  // what transformers 5 does not read
  read_windows(keys, c, window, [interval](std::int64_t l) { return (l + 1) % interval != 0; });
  for (Layer& layer : c.layers) layer.rope = layer.window > 0 ? 0 : -1;
}

void read_nemotron(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{
      .epsilon = 1e-5, .partial = 0.5, .partial_allowed = true, .activation = "relu2", .epsilon_key = "norm_eps"};
  read_llama_keys(keys, c, defaults);
  use_layer_norm(c, n);
  for (const char* key : {"partial_rotary_percent", "rope_percent", "head_size"}) keys.ignore(key);  // the same again
  n.norm_plus = 1;
  c.gated_mlp = false;
  read_biases(keys, n);
  read_one_rope(keys, c, defaults);
}

void read_persimmon(const Keys& keys, Config& c, Names& n) {
  n.ln_final = "final_layernorm", n.qkv = "self_attn.query_key_value", n.fused = Fused::by_heads;
  n.o = "self_attn.dense", n.up = "mlp.dense_h_to_4h", n.down = "mlp.dense_4h_to_h";
  n.qkv_bias = n.o_bias = n.mlp_bias = true;
  const LlamaDefaults defaults{
      .epsilon = 1e-5, .partial = 0.5, .partial_allowed = true, .activation = "relu2", .epsilon_key = "layer_norm_eps"};
  read_llama_keys(keys, c, defaults);
  use_layer_norm(c, n);
  c.gated_mlp = false;
  if (keys.truth("qk_layernorm", true)) {
    c.qk_norm = QkNorm::heads, c.qk_norm_kind = NormKind::layer;
    n.q_norm = "self_attn.q_layernorm", n.k_norm = "self_attn.k_layernorm", n.qk_bias = true;
  }
  read_one_rope(keys, c, defaults);
}

}  // namespace embscope
