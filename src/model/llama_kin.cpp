// Kin of Llama with windows, positions or norms of their own: OLMo 3, EXAONE 4, Hunyuan, Seed-OSS, CWM, Ministral,
// Llama 4.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "model/families.h"

namespace embscope {
namespace {

// moe_layers, or every interleave_moe_layer_step-th.
void read_llama4_blocks(const Keys& keys, Config& c) {
  const std::int64_t step = keys.integer("interleave_moe_layer_step", 1);
  std::vector<double> blocks;
  if (keys.has("moe_layers")) blocks = keys.numbers("moe_layers");
  keys.ignore("moe_layers");
  if (step < 1) throw Error(Code::format, keys.where(), fmt::format("an interleave_moe_layer_step of {}", step));
  for (std::size_t l = 0; l < c.layers.size(); ++l) {
    const bool listed = std::ranges::find(blocks, static_cast<double>(l)) != blocks.end();
    c.layers[l].experts = keys.has("moe_layers") ? listed : static_cast<std::int64_t>(l + 1) % step == 0;
  }
}

}  // namespace

// Blocks with windows turn by the same base, unscaled.
void read_olmo3(const Keys& keys, Config& c, Names& n) {
  read_olmo2_keys(keys, c, n);
  read_windows(keys, c, window_of(keys, 4096), [](std::int64_t l) { return (l + 1) % 4 != 0; });
  read_two_ropes(keys, c, {});
}

// Norms after the branches.
void read_exaone4(const Keys& keys, Config& c, Names& n) {
  read_olmo2_keys(keys, c, n);
  c.qk_norm = QkNorm::heads;
  read_exaone_windows(keys, c);
}

void read_exaone_windows(const Keys& keys, Config& c) {
  read_one_rope(keys, c, {});
  const std::int64_t window = window_of(keys, 4096);
  keys.ignore("sliding_window_pattern");  // a number or "LLLG"; the blocks are spelt out
  if (window > 0 && !keys.has("layer_types"))
    throw Error(Code::format, keys.where(), "'layer_types' is missing: which blocks have windows is not said");
  read_windows(keys, c, window, [](std::int64_t) { return false; });
  for (Layer& layer : c.layers) layer.rope = window == 0 || layer.window > 0 ? 0 : -1;
}

void read_hunyuan_dense(const Keys& keys, Config& c, Names& n) {
  n.q_norm = "self_attn.query_layernorm", n.k_norm = "self_attn.key_layernorm";
  c.qk_norm = QkNorm::heads, c.qk_norm_after = true;
  LlamaDefaults defaults{.epsilon = 1e-5};
  defaults.alpha = true;
  read_llama_keys(keys, c, defaults);
  read_attention_bias(keys, n);
  if (keys.truth("use_qk_norm", true) == false)
    throw Error(Code::unsupported, keys.where(),
                "'use_qk_norm': a Hunyuan without norms of queries and keys is not supported");
  for (const char* key : {"eod_token_id",
                          "im_end_id",
                          "im_start_id",
                          "im_newline_id",
                          "sep_token_id",
                          "text_end_id",
                          "text_start_id",
                          "attention_head_dim",
                          "org_vocab_size",
                          "use_cla",
                          "cla_share_factor",
                          "norm_type",
                          "mlp_bias",
                          "use_rotary_pos_emb",
                          "add_classification_head",
                          "class_num",
                          "dense_list",
                          "enable_lm_head_fp32",
                          "mask_init_id",
                          "pad_id",
                          "pool_type"})
    keys.ignore(key);  // what transformers does not read
  read_one_rope(keys, c, defaults);
}

void read_seed_oss(const Keys& keys, Config& c, Names& n) {
  read_llama_keys(keys, c, {.head_width = 128, .kv_heads = 8});
  n.qkv_bias = keys.truth("attention_bias", true), n.o_bias = keys.truth("attention_out_bias", false);
  n.mlp_bias = keys.truth("mlp_bias", false);
  read_one_rope(keys, c, {});
}

void read_cwm(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.theta = 1e6, .epsilon = 1e-5, .head_width = 128, .kv_heads = 8};
  read_llama_keys(keys, c, defaults);
  n.mlp_bias = keys.truth("mlp_bias", false);
  read_one_rope(keys, c, defaults);
  read_windows(keys, c, window_of(keys, 8192), [](std::int64_t l) { return l % 4 != 0; });
}

void read_ministral(const Keys& keys, Config& c, Names&) {
  read_llama_keys(keys, c, {.kv_heads = 8});
  read_one_rope(keys, c, {});
  read_windows(keys, c, window_of(keys, 4096), [](std::int64_t) { return true; });
}

// Queries grow with the position, beyond the context that was trained first.
void read_ministral3(const Keys& keys, Config& c, Names&) {
  LlamaDefaults defaults{.theta = 1e6, .epsilon = 1e-5, .head_width = 128, .kv_heads = 8};
  defaults.growth = true;
  read_llama_keys(keys, c, defaults);
  read_one_rope(keys, c, defaults);
  for (Layer& layer : c.layers) layer.window = window_of(keys, {}), layer.grows = true;
  const Keys rope = keys.object(keys.has("rope_scaling") ? "rope_scaling" : "rope_parameters");
  c.growth = rope.number("llama_4_scaling_beta"), c.growth_span = rope.integer("original_max_position_embeddings");
  if (c.growth_span < 1 || !std::isfinite(c.growth))
    throw Error(Code::format, keys.where(),
                fmt::format("queries that grow by {} every {} positions", c.growth, c.growth_span));
}

// Chunks where layer_types says so, or without it where positions turn.
void read_chunks(const Keys& keys, Config& c) {
  const std::int64_t chunk =
      keys.optional_integer("attention_chunk_size").value_or(keys.absent("attention_chunk_size") ? 8192 : 0);
  if (chunk < 0) throw Error(Code::format, keys.where(), fmt::format("an attention_chunk_size of {}", chunk));
  const auto kinds = kinds_of_blocks(keys, "layer_types", c);
  for (std::string_view kind : kinds) {
    if (kind != "full_attention" && (kind != "chunked_attention" || chunk == 0))
      throw Error(Code::unsupported, keys.where(),
                  fmt::format("'layer_types': '{}' with an attention_chunk_size of {} is not supported", kind, chunk));
  }
  for (std::size_t l = 0; l < c.layers.size(); ++l) {
    const bool chunked = kinds.empty() ? c.layers[l].rope >= 0 : kinds[l] == "chunked_attention";
    c.layers[l].chunk = chunked ? chunk : 0;
  }
}

// Queries and keys are normed without a gain where positions turn; elsewhere queries grow. The weight of an expert is a
// factor of its input.
void read_llama4(const Keys& keys, Config& c, Names& n) {
  const LlamaDefaults defaults{.theta = 500000, .epsilon = 1e-5, .pairs = true, .head_width = 128, .kv_heads = 8};
  read_llama_keys(keys, c, defaults);
  read_attention_bias(keys, n);
  read_one_rope(keys, c, defaults);
  if (keys.truth("use_qk_norm", true)) c.qk_norm = QkNorm::heads, c.qk_norm_after = true;
  n.q_norm = n.k_norm = "";
  n.gate = "feed_forward.gate_proj", n.up = "feed_forward.up_proj", n.down = "feed_forward.down_proj",
  n.mlp = "feed_forward";
  read_turned_blocks(keys, c, 4);
  read_chunks(keys, c);
  if (keys.truth_or_count("attn_temperature_tuning", true)) {
    c.growth = keys.number("attn_scale", 0.1), c.growth_span = keys.integer("floor_scale", 8192), c.growth_first = 1;
    if (c.growth_span < 1) throw Error(Code::format, keys.where(), fmt::format("a floor_scale of {}", c.growth_span));
  }
  keys.ignore("attn_scale"), keys.ignore("floor_scale");
  for (Layer& layer : c.layers) layer.grows = layer.rope < 0 && c.growth != 0;
  Experts& e = c.experts;
  e.count = keys.same_integer({"num_local_experts", "num_experts"}), e.chosen = keys.integer("num_experts_per_tok", 1);
  e.width = e.shared_width = c.mlp_width;
  c.mlp_width = keys.integer("intermediate_size_mlp");
  e.router = RouterKind::sigmoid, e.of_input = true;
  n.experts.router = "feed_forward.router", n.experts.each = "", n.experts.input_major = true;
  n.experts.gate_up_of_all = "feed_forward.experts.gate_up_proj",
  n.experts.down_of_all = "feed_forward.experts.down_proj";
  n.experts.shared = "feed_forward.shared_expert.";
  read_llama4_blocks(keys, c);
  check_config(c, keys.where()), check_experts(c, keys.where());
}

void read_iquestcoder(const Keys& keys, Config& c, Names& n) {
  read_llama_keys(keys, c, {.epsilon = 1e-5, .head_width = 128, .kv_heads = 8});
  read_biases(keys, n);
  keys.ignore("max_window_layers");  // Qwen's, which nobody reads
  read_one_rope(keys, c, {});
}

namespace {

// layer_rope_theta: the base by which each block turns, 0 where it does not.
void read_thetas_of_blocks(const Keys& keys, Config& c) {
  if (!keys.has("layer_rope_theta")) return keys.ignore("layer_rope_theta");
  const std::vector<double> own = keys.numbers("layer_rope_theta");
  if (own.size() != c.layers.size())
    throw Error(Code::format, keys.where(),
                fmt::format("'layer_rope_theta' has {} blocks, the model {}", own.size(), c.blocks));
  c.ropes.clear();
  std::vector<double> bases;
  for (std::size_t l = 0; l < own.size(); ++l) {
    const auto found = std::ranges::find(bases, own[l]);
    c.layers[l].rope = own[l] == 0 ? -1 : static_cast<int>(found - bases.begin());
    if (own[l] == 0 || found != bases.end()) continue;
    bases.push_back(own[l]);
    c.ropes.push_back({rope_frequencies(own[l], c.head_width), 1, false});
  }
  check_frequencies(c, keys.where());
}

// Sinks, and windows in three of four blocks.
void use_sinks_and_windows(const Keys& keys, Config& c, Names& n) {
  n.sinks = "self_attn.sinks", c.sinks = true;
  read_windows(keys, c, window_of(keys, 128), [](std::int64_t l) { return l % 4 != 0; });
  for (const char* name : {"rope_parameters", "rope_scaling"}) {
    if (keys.has(name) && keys.object(name).string("rope_type", "default") != "default")
      throw Error(Code::unsupported, keys.where(), fmt::format("'{}': only a plain rotation is supported here", name));
  }
  read_thetas_of_blocks(keys, c);
}

}  // namespace

void read_granite_swa(const Keys& keys, Config& c, Names& n) {
  read_granite(keys, c, n);
  c.tied = keys.truth("tie_word_embeddings", true);
  use_sinks_and_windows(keys, c, n);
}

void read_granitemoe_swa(const Keys& keys, Config& c, Names& n) {
  read_granitemoeshared(keys, c, n);
  use_sinks_and_windows(keys, c, n);
}

}  // namespace embscope
