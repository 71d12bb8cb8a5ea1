// Gemma 4's text model (Gemma Team 2026): Gemma 3's frame, with wider heads in blocks without a window, values that are
// normed, the last blocks' keys and values those of earlier ones, per-layer embeddings, and experts beside the MLP.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "model/experts.h"
#include "model/gguf.h"
#include "model/gguf_experts.h"

namespace embscope {
namespace {

constexpr LlamaDefaults llama_defaults{.tied = true,
                                       .head_width = 256,
                                       .kv_heads = 4,
                                       .activation = "gelu_pytorch_tanh",
                                       .activation_key = "hidden_activation",
                                       .vocab = 262144,
                                       .heads = 8,
                                       .context = 131072};

// The width of heads in the blocks with a window, or without: one for all of them.
std::int64_t width_of(const Config& c, bool windowed) {
  for (const Layer& layer : c.layers)
    if ((layer.window > 0) == windowed) return layer.head_width;
  return c.head_width;
}

void check_layers(const Config& c, const std::string& where) {
  for (std::size_t l = 0; l < c.layers.size(); ++l) {
    const Layer& layer = c.layers[l];
    const std::int64_t kv = layer.kv_heads, width = width_of(c, layer.window > 0);
    if (kv < 1 || c.heads % kv != 0)
      throw Error(Code::format, where,
                  fmt::format("block {}: {} heads do not divide into {} key-value heads", l, c.heads, kv));
    if (width < 2 || width % 2 != 0 || width > (1 << 16))
      throw Error(Code::format, where, fmt::format("block {}: a head width of {}", l, width));
    if (layer.head_width != width)
      throw Error(Code::unsupported, where,
                  fmt::format("block {}: a head width of {}, in others of its kind {}", l, layer.head_width, width));
    if (layer.mlp_width < 0 || layer.mlp_width > (1 << 24))
      throw Error(Code::format, where, fmt::format("block {}: an MLP width of {}", l, layer.mlp_width));
    const Layer& read = c.layers[static_cast<std::size_t>(std::max(layer.keys_of, 0))];
    if (layer.keys_of >= 0 && (read.kv_heads != layer.kv_heads || read.window != layer.window))
      throw Error(Code::format, where,
                  fmt::format("block {} and block {}, whose keys it reads, differ", l, layer.keys_of));
  }
}

// The last blocks read the keys and values of the last one before them with a window, or without, as they have.
void share_keys(Config& c, std::int64_t count, const std::string& where) {
  if (count < 0 || count >= c.blocks)
    throw Error(Code::format, where, fmt::format("{} of {} blocks read the keys of others", count, c.blocks));
  for (std::int64_t l = c.blocks - count; l < c.blocks; ++l) {
    Layer& layer = c.layers[static_cast<std::size_t>(l)];
    for (std::int64_t from = c.blocks - count; layer.keys_of < 0 && from-- > 0;)
      if ((c.layers[static_cast<std::size_t>(from)].window > 0) == (layer.window > 0))
        layer.keys_of = static_cast<int>(from);
    if (layer.keys_of < 0)
      throw Error(Code::format, where, fmt::format("block {}: no block of its kind before it has keys of its own", l));
  }
}

void use_per_layer(Config& c, std::int64_t width, const std::string& where) {
  if (width < 1 || width > (1 << 16))
    throw Error(Code::format, where, fmt::format("per-layer embeddings of {} values", width));
  const auto p = static_cast<float>(width), d = static_cast<float>(c.width);
  c.per_layer = {width, std::sqrt(p), 1 / std::sqrt(d), 1 / std::sqrt(2.0f)};
}

// Frequencies of the first part alone; the others stay at 0.
void keep_part(Rope& rope, double part) {
  rope.partly = true;
  for (std::size_t i = static_cast<std::size_t>(part * static_cast<double>(rope.frequencies.size()));
       i < rope.frequencies.size(); ++i)
    rope.frequencies[i] = 0;
}

// Heads of blocks without a window: as each block says it, or as the older keys say it for all.
void read_heads(const Keys& keys, Config& c) {
  keys.ignore("global_head_dim"), keys.ignore("num_global_key_value_heads");
  for (Layer& layer : c.layers) layer.head_width = c.head_width, layer.kv_heads = c.kv_heads;
  if (keys.has("per_layer_config")) {
    const Keys blocks = keys.object("per_layer_config");
    for (std::size_t l = 0; l < c.layers.size(); ++l) {
      const std::string number = std::to_string(l);
      if (!blocks.has(number)) continue;
      const Keys own = blocks.object(number);
      c.layers[l].head_width = own.integer("head_dim", c.head_width);
      c.layers[l].kv_heads = own.integer("num_key_value_heads", c.kv_heads);
      own.refuse_rest();
    }
    return blocks.refuse_rest();
  }
  const std::int64_t width = keys.integer("global_head_dim", 512);
  const bool fewer = keys.truth("attention_k_eq_v", false);
  for (Layer& layer : c.layers) {
    if (layer.window > 0) continue;
    layer.head_width = width;
    if (fewer) layer.kv_heads = keys.optional_integer("num_global_key_value_heads").value_or(c.kv_heads);
  }
}

ReadRope rope_of(const Keys& keys, const Keys& own, const Config& c, std::int64_t width) {
  if (own.string("rope_type", "default") != "proportional") return read_rope_object(own, width, c.context, {}, keys);
  Rope rope{rope_frequencies(own.number("rope_theta"), width), 1, false};
  const double part = own.number("partial_rotary_factor", 1), factor = own.number("factor", 1);
  if (!(part >= 0) || part > 1)
    throw Error(Code::format, keys.where(), fmt::format("a partial_rotary_factor of {}", part));
  for (double& f : rope.frequencies) f /= factor;
  keep_part(rope, part);
  own.refuse_rest();
  return {std::move(rope), {}};
}

// A rotation of blocks without a window (the first quarter of the frequencies, of all that a head has room for), and
// one of the others.
void read_ropes(const Keys& keys, Config& c) {
  keys.ignore("rope_parameters");
  const std::int64_t whole = width_of(c, false), windowed = width_of(c, true);
  ReadRope of_whole{{rope_frequencies(1e6, whole), 1, false}, {}},
      of_windowed{{rope_frequencies(1e4, windowed), 1}, {}};
  keep_part(of_whole.rope, 0.25);
  if (keys.has("rope_parameters")) {
    const Keys kinds = keys.object("rope_parameters");
    of_whole = rope_of(keys, kinds.object("full_attention"), c, whole);
    of_windowed = rope_of(keys, kinds.object("sliding_attention"), c, windowed);
    kinds.refuse_rest();
  }
  c.context = std::min(of_whole.longest.value_or(c.context), of_windowed.longest.value_or(c.context));
  c.ropes = {std::move(of_whole.rope), std::move(of_windowed.rope)};
  for (Layer& layer : c.layers) layer.rope = layer.window > 0 ? 1 : 0;
  check_frequencies(c, keys.where());
}

void read_per_layer(const Keys& keys, Config& c, Names& n, std::int64_t otherwise) {
  const std::int64_t width = keys.has("hidden_size_per_layer_input")      ? keys.integer("hidden_size_per_layer_input")
                             : keys.absent("hidden_size_per_layer_input") ? otherwise
                                                                          : 0;
  keys.ignore("hidden_size_per_layer_input"), keys.ignore("vocab_size_per_layer_input");
  if (width == 0) return;
  if (const std::int64_t rows = keys.integer("vocab_size_per_layer_input", 262144); rows != c.vocab)
    throw Error(Code::unsupported, keys.where(),
                fmt::format("'vocab_size_per_layer_input' of {} beside a vocabulary of {}: expected as many rows", rows,
                            c.vocab));
  use_per_layer(c, width, keys.where());
  n.per_layer = "embed_tokens_per_layer", n.per_layer_in = "per_layer_model_projection";
  n.per_layer_ln = "per_layer_projection_norm", n.per_layer_gate = "per_layer_input_gate";
  n.per_layer_out = "per_layer_projection", n.per_layer_post = "post_per_layer_input_norm";
}

void read_experts(const Keys& keys, Config& c, Names& n) {
  for (const char* key : {"num_experts", "top_k_experts", "moe_intermediate_size"}) keys.ignore(key);
  if (!keys.truth("enable_moe_block", false)) return;
  Experts& e = c.experts;
  e.count = keys.integer("num_experts"), e.chosen = keys.integer("top_k_experts"),
  e.width = keys.integer("moe_intermediate_size");
  e.normalised = e.beside = true;
  ExpertNames& names = n.experts;
  names.router = "router.proj", names.router_gains = "router.scale", names.scales = "router.per_expert_scale";
  names.each = "experts.{}.", names.gate_up_of_all = "experts.gate_up_proj", names.down_of_all = "experts.down_proj";
  names.ln = "pre_feedforward_layernorm_2", names.ln_post = "post_feedforward_layernorm_2",
  names.mlp_post = "post_feedforward_layernorm_1";
  use_experts(c, keys);
}

void read_gemma4_of(const Keys& keys, Config& c, Names& n, std::int64_t window, std::int64_t per_layer) {
  n.ln1_post = "post_attention_layernorm", n.ln2 = "pre_feedforward_layernorm",
  n.ln2_post = "post_feedforward_layernorm", n.out_scale = "layer_scalar";
  use_qk_norms(c, n, QkNorm::heads);
  c.norm_after = c.v_norm = true, c.attn_scale = 1;
  read_llama_keys(keys, c, llama_defaults);
  c.embedding_scale = std::sqrt(static_cast<float>(c.width));
  read_attention_bias(keys, n);
  if (const std::string_view both =
          keys.has("use_bidirectional_attention") ? keys.string("use_bidirectional_attention", "") : std::string_view();
      !both.empty() && both != "vision")
    throw Error(Code::unsupported, keys.where(),
                fmt::format("'use_bidirectional_attention': '{}': texts are read from left to right alone", both));
  keys.ignore("use_bidirectional_attention");
  read_windows(keys, c, window_of(keys, window), [](std::int64_t l) { return (l + 1) % 6 != 0; });
  c.layers.back().window = 0;  // whatever layer_types says of it
  read_heads(keys, c);
  const std::int64_t shared = keys.integer("num_kv_shared_layers", 0);
  const bool keys_as_values = keys.truth("attention_k_eq_v", false),
             double_wide = keys.truth("use_double_wide_mlp", false);
  share_keys(c, shared, keys.where());
  for (Layer& layer : c.layers) {
    layer.values_of_keys = keys_as_values && layer.window == 0 && layer.keys_of < 0;
    if (double_wide && layer.keys_of >= 0) layer.mlp_width = 2 * c.mlp_width;
  }
  check_layers(c, keys.where());
  read_ropes(keys, c);
  read_per_layer(keys, c, n, per_layer);
  read_experts(keys, c, n);
  c.logit_cap = static_cast<float>(keys.positive_or_none("final_logit_softcapping"));
}

}  // namespace

void read_gemma4(const Keys& keys, Config& c, Names& n) { read_gemma4_of(keys, c, n, 512, 256); }

// Images and sounds go into it without a model of their own; it has no per-layer embeddings.
void read_gemma4_unified(const Keys& keys, Config& c, Names& n) { read_gemma4_of(keys, c, n, 1024, 0); }

namespace gguf {

namespace {

std::int64_t of_block(const std::vector<double>& list, std::size_t l, std::size_t blocks, const std::string& where,
                      const char* key) {
  if (list.size() != 1 && list.size() != blocks)
    throw Error(Code::format, where, fmt::format("{} has {} blocks, the model {}", key, list.size(), blocks));
  return static_cast<std::int64_t>(list[list.size() == 1 ? 0 : l]);
}

void read_widths(const Metadata& meta, Config& c) {
  const char *kv_key = ".attention.head_count_kv", *mlp_key = ".feed_forward_length";
  const std::vector<double> kv = meta.numbers(kv_key), mlp = meta.numbers(mlp_key);
  const std::int64_t whole = meta.integer(".attention.key_length"),
                     windowed = meta.integer(".attention.key_length_swa");
  for (const auto& [key, width] : {std::pair{".attention.value_length", whole},
                                   {".attention.value_length_swa", windowed},
                                   {".rope.dimension_count", whole},
                                   {".rope.dimension_count_swa", windowed}}) {
    if (meta.integer(key, width) != width)
      throw Error(Code::unsupported, meta.where(),
                  fmt::format("gemma4{}: only a head's width, {}, is supported", key, width));
  }
  for (std::size_t l = 0; l < c.layers.size(); ++l) {
    Layer& layer = c.layers[l];
    layer.kv_heads = of_block(kv, l, c.layers.size(), meta.where(), kv_key);
    layer.mlp_width = of_block(mlp, l, c.layers.size(), meta.where(), mlp_key);
    layer.head_width = layer.window > 0 ? windowed : whole;
  }
  c.kv_heads = c.layers[0].kv_heads, c.mlp_width = c.layers[0].mlp_width;
}

void read_ropes(const Metadata& meta, Config& c) {
  ReadRope rope = read_rope(meta, width_of(c, false), c.context);
  c.ropes = {std::move(rope.rope), {rope_frequencies(meta.number(".rope.freq_base_swa", 10000), width_of(c, true)), 1}};
  for (Layer& layer : c.layers) layer.rope = layer.window > 0 ? 1 : 0;
  check_frequencies(c, meta.where());
}

void read_experts_beside(const Metadata& meta, Config& c, Names& n) {
  if (meta.archive().find("blk.0.ffn_gate_inp.weight") == nullptr) return;
  read_experts(meta, c, n, {.normalised = true});
  c.experts.beside = true;
  ExpertNames& names = n.experts;
  names.router_gains = "ffn_gate_inp.scale", names.scales = "ffn_down_exps.scale";
  names.ln = "pre_ffw_norm_2", names.ln_post = "post_ffw_norm_2", names.mlp_post = "post_ffw_norm_1";
  if (meta.archive().find("blk.0.ffn_gate_up_exps.weight") != nullptr) names.gate_up_of_all = "ffn_gate_up_exps.weight";
}

}  // namespace

void gemma4(const Metadata& meta, Config& c, Names& n) {
  c.norm = NormKind::rms, c.position = PositionKind::rotary, c.activation = Activation::gelu_tanh, c.gated_mlp = true;
  read_model_sizes(meta, c);
  c.embedding_scale = std::sqrt(static_cast<float>(c.width)), c.attn_scale = 1;
  c.norm_after = c.v_norm = true;
  n.ln1_post = "post_attention_norm", n.ln2_post = "post_ffw_norm", n.out_scale = "layer_output_scale.weight";
  norm_queries_keys(c, n, QkNorm::heads);
  read_window(meta, c, [](std::int64_t l) { return l % 6 != 5; });
  read_widths(meta, c);
  share_keys(c, meta.integer(".attention.shared_kv_layers", 0), meta.where());
  for (std::size_t l = 0; l < c.layers.size(); ++l)
    c.layers[l].values_of_keys =
        c.layers[l].keys_of < 0 && meta.archive().find(fmt::format("blk.{}.attn_v.weight", l)) == nullptr;
  check_layers(c, meta.where());
  read_ropes(meta, c);
  if (const std::int64_t width = meta.integer(".embedding_length_per_layer_input", 0); width != 0) {
    use_per_layer(c, width, meta.where());
    n.per_layer = "per_layer_token_embd", n.per_layer_in = "per_layer_model_proj",
    n.per_layer_ln = "per_layer_proj_norm";
    n.per_layer_gate = "inp_gate", n.per_layer_out = "proj", n.per_layer_post = "post_norm";
  }
  read_experts_beside(meta, c, n);
  read_caps(meta, c);
}

}  // namespace gguf
}  // namespace embscope
