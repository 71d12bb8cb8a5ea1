// Models in GGUF files, by the keys and names of llama.cpp (gguf-py, constants.py): each architecture fills a Config
// and the Names.
#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/families.h"
#include "model/rope.h"

namespace embscope {
namespace {

// Sizes that may be told apart in a file and are one here.
void refuse_other(const Metadata& meta, const char* key, std::int64_t expected) {
  const std::int64_t found = meta.integer(key, expected);
  if (found != expected)
    throw Error(Code::unsupported, meta.where(),
                fmt::format("{}{} of {}: only that of a head's width, {}, is supported", meta.architecture(), key,
                            found, expected));
}

std::int64_t vocabulary_size(const Archive& archive) {
  const View& wte = archive.at("token_embd.weight");
  if (wte.shape.rank() != 2)
    throw Error(Code::shape, "gguf", "token_embd.weight: expected 2 axes, found " + wte.shape.text());
  return wte.shape[0];
}

Names gguf_names() {
  Names n;
  n.root = "", n.block = "blk.{}.", n.wte = "token_embd", n.ln_final = "output_norm", n.head = "output";
  n.ln1 = "attn_norm", n.ln2 = "ffn_norm", n.q = "attn_q", n.k = "attn_k", n.v = "attn_v", n.o = "attn_output";
  n.gate = "ffn_gate", n.up = "ffn_up", n.down = "ffn_down";
  n.in_site_table = true;
  ExpertNames& e = n.experts;
  e.router = "ffn_gate_inp", e.each = "", e.gate_up_of_all = "";
  e.gate = "ffn_gate.{}", e.up = "ffn_up.{}", e.down = "ffn_down.{}";  // in files of the first months
  e.gate_of_all = "ffn_gate_exps.weight", e.up_of_all = "ffn_up_exps.weight", e.down_of_all = "ffn_down_exps.weight";
  e.bias_of_all = ".bias";
  e.shared = "", e.shared_gate = "ffn_gate_shexp", e.shared_up = "ffn_up_shexp", e.shared_down = "ffn_down_shexp";
  return n;
}

void read_sizes(const Metadata& meta, Config& c) {
  c.width = meta.integer(".embedding_length");
  c.blocks = meta.integer(".block_count");
  c.heads = meta.integer(".attention.head_count");
  c.kv_heads = meta.integer(".attention.head_count_kv", c.heads);
  c.mlp_width = meta.integer(".feed_forward_length");
  c.context = meta.integer(".context_length");
  c.vocab = vocabulary_size(meta.archive());
  c.head_width = meta.integer(".attention.key_length", c.heads > 0 ? c.width / c.heads : 0);
  const bool rms = c.norm == NormKind::rms;
  c.epsilon =
      static_cast<float>(meta.number(rms ? ".attention.layer_norm_rms_epsilon" : ".attention.layer_norm_epsilon"));
  check_config(c, meta.where());
  c.layers.resize(static_cast<std::size_t>(std::max<std::int64_t>(c.blocks, 0)));
  refuse_other(meta, ".attention.value_length", c.head_width);
}

// The rotation of all or of the first values of a head.
void read_turned(const Metadata& meta, Config& c) {
  c.position = PositionKind::rotary;
  const std::int64_t turned = meta.integer(".rope.dimension_count", c.head_width);
  if (turned < 2 || turned > c.head_width || turned % 2 != 0)
    throw Error(Code::format, meta.where(),
                fmt::format("{} of a head's {} values turn: expected an even number of them", turned, c.head_width));
  ReadRope rope = read_rope(meta, turned, c.context);
  c.ropes = {std::move(rope.rope)}, c.context = rope.longest.value_or(c.context);
  check_frequencies(c, meta.where());
}

// RMSNorm, a gated MLP, rotation.
void read_like_llama(const Metadata& meta, Config& c) {
  c.norm = NormKind::rms;
  c.position = PositionKind::rotary;
  c.activation = Activation::silu;
  c.gated_mlp = true;
  read_sizes(meta, c);
  read_turned(meta, c);
}

void read_window(const Metadata& meta, Config& c, const std::function<bool(std::int64_t)>& windowed) {
  const std::int64_t window = meta.integer(".attention.sliding_window", 0);
  if (window < 0) throw Error(Code::format, meta.where(), fmt::format("a sliding_window of {}", window));
  for (std::size_t l = 0; l < c.layers.size(); ++l)
    c.layers[l].window = windowed(static_cast<std::int64_t>(l)) ? window : 0;
}

bool everywhere(std::int64_t) { return true; }

void read_experts(const Metadata& meta, Config& c, bool normalised) {
  Experts& e = c.experts;
  e.count = meta.integer(".expert_count"), e.chosen = meta.integer(".expert_used_count");
  e.width = meta.integer(".expert_feed_forward_length", c.mlp_width);
  e.normalised = normalised;
  for (Layer& layer : c.layers) layer.experts = true;
  check_experts(c, meta.where());
}

void read_caps(const Metadata& meta, Config& c) {
  c.score_cap = static_cast<float>(meta.number(".attn_logit_softcapping", 0));
  c.logit_cap = static_cast<float>(meta.number(".final_logit_softcapping", 0));
}

// The halves of whole heads lie interleaved: a part that turns would be another one then.
void use_interleaved(const Metadata& meta, const Config& c, Names& n) {
  refuse_other(meta, ".rope.dimension_count", c.head_width);
  n.interleaved = true;
}

// With experts it is Mixtral.
void llama(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_interleaved(meta, c, n);
  n.optional_biases = true;
  const bool routed = meta.archive().find("blk.0.ffn_gate_inp.weight") != nullptr;
  if (routed && meta.has(".expert_count")) read_experts(meta, c, true);
}

void gpt2(const Metadata& meta, Config& c, Names& n) {
  read_sizes(meta, c);
  n.wpe = "position_embd", n.qkv = "attn_qkv", n.fused = Fused::stacked;
  n.norm_bias = n.qkv_bias = n.o_bias = n.mlp_bias = true;
}

void qwen2(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  n.qkv_bias = true;
}

void qwen3(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  c.qk_norm = QkNorm::heads;
  n.q_norm = "attn_q_norm", n.k_norm = "attn_k_norm";
}

// The 1 is added to the gains already.
void gemma(const Metadata& meta, Config& c, Names&) {
  read_like_llama(meta, c);
  c.activation = Activation::gelu_tanh;
  c.embedding_scale = std::sqrt(static_cast<float>(c.width));
}

// The scale of scores is not in the file: the largest has another one than its heads' width gives.
void read_like_gemma2(const Metadata& meta, Config& c, Names& n, std::int64_t blocks_of_largest) {
  gemma(meta, c, n);
  n.ln1_post = "post_attention_norm", n.ln2_post = "post_ffw_norm";
  c.norm_after = true;
  if (c.blocks == blocks_of_largest)
    c.attn_scale = 1 / std::sqrt(static_cast<float>(c.width) / static_cast<float>(c.heads));
  read_caps(meta, c);
}

void gemma2(const Metadata& meta, Config& c, Names& n) {
  read_like_gemma2(meta, c, n, 46);
  read_window(meta, c, [](std::int64_t l) { return l % 2 == 0; });
}

void gemma3(const Metadata& meta, Config& c, Names& n) {
  read_like_gemma2(meta, c, n, 62);
  c.qk_norm = QkNorm::heads, n.q_norm = "attn_q_norm", n.k_norm = "attn_k_norm";
  read_window(meta, c, [](std::int64_t l) { return l % 6 != 5; });
  const auto turned = 2 * static_cast<std::int64_t>(c.ropes[0].frequencies.size());
  c.ropes.push_back({rope_frequencies(meta.number(".rope.freq_base_swa", 10000), turned), 1, false});
  for (Layer& layer : c.layers) layer.rope = layer.window > 0 ? 1 : 0;
}

void phi2(const Metadata& meta, Config& c, Names& n) {
  c.norm = NormKind::layer, c.position = PositionKind::rotary;
  read_sizes(meta, c);
  read_turned(meta, c);
  c.parallel = c.one_norm = true;
  n.norm_bias = n.qkv_bias = n.o_bias = n.mlp_bias = n.head_bias = true;
}

void phi3(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  n.qkv = "attn_qkv", n.fused = Fused::stacked, n.gate_up = "ffn_up";
  read_window(meta, c, everywhere);
}

void olmo(const Metadata& meta, Config& c, Names& n) {
  c.norm = NormKind::layer, c.activation = Activation::silu, c.gated_mlp = true;
  c.position = PositionKind::rotary;
  read_sizes(meta, c);
  read_turned(meta, c);
  n.norm_gain = false;
  use_interleaved(meta, c, n);
  c.qkv_clip = static_cast<float>(meta.number(".attention.clamp_kqv", 0));
}

void olmo2(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  n.ln1_post = "post_attention_norm", n.ln2_post = "post_ffw_norm", n.q_norm = "attn_q_norm", n.k_norm = "attn_k_norm";
  c.norm_before = false, c.norm_after = true, c.qk_norm = QkNorm::together;
  if (!meta.has(".attention.sliding_window")) return;
  read_window(meta, c, [](std::int64_t l) { return l % 4 != 3; });  // OLMo 3
  const auto turned = 2 * static_cast<std::int64_t>(c.ropes[0].frequencies.size());
  c.ropes.push_back({rope_frequencies(meta.number(".rope.freq_base", 10000), turned), 1, false});
  for (Layer& layer : c.layers) layer.rope = layer.window > 0 ? 1 : 0;
}

void olmoe(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  n.q_norm = "attn_q_norm", n.k_norm = "attn_k_norm", c.qk_norm = QkNorm::together;
  c.clip_after_norm = true, c.qkv_clip = static_cast<float>(meta.number(".attention.clamp_kqv", 0));
  read_experts(meta, c, false);
}

void qwen2moe(const Metadata& meta, Config& c, Names& n) {
  qwen2(meta, c, n);
  read_experts(meta, c, false);
  c.experts.shared_width = meta.integer(".expert_shared_feed_forward_length");
  n.experts.shared_factor = "ffn_gate_inp_shexp";
  check_experts(c, meta.where());
}

void qwen3moe(const Metadata& meta, Config& c, Names& n) {
  qwen3(meta, c, n);
  read_experts(meta, c, true);
}

// YaRN is not cut to whole pairs, as the model was trained; llama.cpp cuts it.
void gpt_oss(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  c.ropes = {read_rope(meta, 2 * static_cast<std::int64_t>(c.ropes[0].frequencies.size()), c.context, false).rope};
  n.ln2 = "post_attention_norm", n.sinks = "attn_sinks.weight";
  n.qkv_bias = n.o_bias = true;
  n.experts.router_bias = n.experts.biases = true;
  read_window(meta, c, [](std::int64_t l) { return l % 2 == 0; });
  c.sinks = true;
  read_experts(meta, c, true);
  c.experts.limit = 7;
}

void read_like_starcoder2(const Metadata& meta, Config& c, Names& n) {
  c.norm = NormKind::layer, c.position = PositionKind::rotary;
  read_sizes(meta, c);
  read_turned(meta, c);
  n.norm_bias = true;
}

void starcoder2(const Metadata& meta, Config& c, Names& n) {
  read_like_starcoder2(meta, c, n);
  n.qkv_bias = n.o_bias = n.mlp_bias = true;
  read_window(meta, c, everywhere);
}

void starcoder(const Metadata& meta, Config& c, Names& n) {
  read_sizes(meta, c);
  n.wpe = "position_embd", n.qkv = "attn_qkv", n.fused = Fused::stacked;
  n.norm_bias = n.qkv_bias = n.o_bias = n.mlp_bias = true;
}

// The model's own GELU, which llama.cpp computes by its approximation.
void gptneox(const Metadata& meta, Config& c, Names& n) {
  read_like_starcoder2(meta, c, n);
  c.activation = Activation::gelu_exact;
  c.parallel = meta.truth(".use_parallel_residual", true);
  n.qkv = "attn_qkv", n.fused = Fused::stacked;
  n.qkv_bias = n.o_bias = n.mlp_bias = true;
}

void falcon(const Metadata& meta, Config& c, Names& n) {
  read_like_starcoder2(meta, c, n);
  c.activation = Activation::gelu_exact;
  n.qkv = "attn_qkv", n.fused = Fused::stacked;
  n.optional_biases = true;
  if (const std::string_view layout = meta.string(".tensor_data_layout", "jploski"); layout != "jploski")
    throw Error(Code::unsupported, meta.where(),
                fmt::format("tensor_data_layout '{}': only 'jploski' is known", layout));
  c.parallel = true;
  c.one_norm = meta.archive().find("blk.0.attn_norm_2.weight") == nullptr;
  if (!c.one_norm) n.ln1 = "attn_norm_2", n.ln2 = "attn_norm";  // the MLP's is the one that both have in smaller models
}

void bloom(const Metadata& meta, Config& c, Names& n) {
  c.position = PositionKind::alibi;
  read_sizes(meta, c);
  c.context = std::max(c.context, alibi_context), c.alibi_slopes = bloom_slopes(c.heads), c.embedding_norm = true;
  n.embedding_norm = "token_embd_norm", n.qkv = "attn_qkv", n.fused = Fused::stacked;
  n.norm_bias = n.qkv_bias = n.o_bias = n.mlp_bias = true;
}

void mpt(const Metadata& meta, Config& c, Names& n) {
  c.position = PositionKind::alibi, c.activation = Activation::gelu_exact;
  read_sizes(meta, c);
  c.alibi_slopes = mpt_slopes(c.heads, meta.number(".attention.max_alibi_bias", 8));
  c.qkv_clip = static_cast<float>(meta.number(".attention.clamp_kqv", 0));
  n.qkv = "attn_qkv", n.fused = Fused::stacked;
}

void stablelm(const Metadata& meta, Config& c, Names& n) {
  read_like_starcoder2(meta, c, n);
  c.activation = Activation::silu, c.gated_mlp = true;
  c.parallel = c.one_norm = meta.archive().find("blk.0.ffn_norm.weight") == nullptr;
  n.qkv_bias = meta.archive().find("blk.0.attn_q.bias") != nullptr;
  if (meta.archive().find("blk.0.attn_q_norm.weight") != nullptr) {
    c.qk_norm = QkNorm::heads, c.qk_norm_kind = NormKind::layer, n.q_norm = "attn_q_norm", n.k_norm = "attn_k_norm";
  }
  meta.ignore(".use_parallel_residual");  // what llama.cpp too reads of the tensors
}

void command_r(const Metadata& meta, Config& c, Names& n) {
  read_like_starcoder2(meta, c, n);
  c.ropes[0].pairs = true;
  c.activation = Activation::silu, c.gated_mlp = true, c.parallel = c.one_norm = true;
  n.norm_bias = false;
  c.logit_scale = static_cast<float>(meta.number(".logit_scale"));
  if (meta.archive().find("blk.0.attn_q_norm.weight") != nullptr) {
    c.qk_norm = QkNorm::heads, c.qk_norm_kind = NormKind::layer, n.q_norm = "attn_q_norm", n.k_norm = "attn_k_norm";
  }
}

void cohere2(const Metadata& meta, Config& c, Names& n) {
  command_r(meta, c, n);
  read_window(meta, c, [](std::int64_t l) { return l % 4 != 3; });
  for (Layer& layer : c.layers) layer.rope = layer.window > 0 ? 0 : -1;
}

void granite(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_interleaved(meta, c, n);
  n.optional_biases = true;
  c.embedding_scale = static_cast<float>(meta.number(".embedding_scale", 1));
  c.residual_scale = static_cast<float>(meta.number(".residual_scale", 1));
  c.attn_scale = static_cast<float>(meta.number(".attention.scale", 0));
  c.logit_scale = static_cast<float>(1 / meta.number(".logit_scale", 1));
  for (float factor : {c.embedding_scale, c.residual_scale, c.logit_scale}) {
    if (!(factor != 0) || !std::isfinite(factor))
      throw Error(Code::format, meta.where(), fmt::format("a multiplier of {}", factor));
  }
}

void granitemoe(const Metadata& meta, Config& c, Names& n) {
  granite(meta, c, n);
  read_experts(meta, c, true);
  c.experts.shared_width = meta.integer(".expert_shared_feed_forward_length", 0);
  check_experts(c, meta.where());
}

void nemotron(const Metadata& meta, Config& c, Names& n) {
  read_like_starcoder2(meta, c, n);
  c.activation = Activation::relu_squared;
  n.optional_biases = true;
}

void smollm3(const Metadata& meta, Config& c, Names& n) {
  llama(meta, c, n);
  for (std::size_t l = 0; l < c.layers.size(); ++l) c.layers[l].rope = (l + 1) % 4 == 0 ? -1 : 0;
}

void arcee(const Metadata& meta, Config& c, Names& n) {
  llama(meta, c, n);
  c.gated_mlp = false, c.activation = Activation::relu_squared;
}

const std::pair<std::string_view, void (*)(const Metadata&, Config&, Names&)> architectures[] = {
    {"llama", llama},
    {"gpt2", gpt2},
    {"qwen2", qwen2},
    {"qwen3", qwen3},
    {"gemma", gemma},
    {"gemma2", gemma2},
    {"gemma3", gemma3},
    {"phi2", phi2},
    {"phi3", phi3},
    {"olmo", olmo},
    {"olmo2", olmo2},
    {"olmoe", olmoe},
    {"qwen2moe", qwen2moe},
    {"qwen3moe", qwen3moe},
    {"gpt-oss", gpt_oss},
    {"starcoder", starcoder},
    {"starcoder2", starcoder2},
    {"gptneox", gptneox},
    {"falcon", falcon},
    {"bloom", bloom},
    {"mpt", mpt},
    {"stablelm", stablelm},
    {"command-r", command_r},
    {"cohere2", cohere2},
    {"granite", granite},
    {"granitemoe", granitemoe},
    {"nemotron", nemotron},
    {"smollm3", smollm3},
    {"arcee", arcee}};

}  // namespace

std::int64_t meta_integer(const Archive& archive, const std::string& key) { return Metadata(archive).integer(key); }

std::string_view meta_string(const Archive& archive, const std::string& key) { return Metadata(archive).string(key); }

std::vector<std::string_view> gguf_architectures() {
  std::vector<std::string_view> names;
  for (const auto& [name, read] : architectures) names.push_back(name);
  return names;
}

void read_gguf(const Metadata& meta, Config& c, Names& n) {
  n = gguf_names();
  c.family = meta.string("general.architecture");
  const auto known = std::ranges::find(architectures, c.family, [](const auto& a) { return a.first; });
  if (known == std::end(architectures))
    throw Error(Code::unsupported, meta.where(),
                fmt::format("architecture '{}' is not supported; supported are {}", c.family,
                            fmt::join(gguf_architectures(), ", ")));
  known->second(meta, c, n);
  for (const auto& [key, id] :
       {std::pair{"tokenizer.ggml.bos_token_id", &c.bos}, std::pair{"tokenizer.ggml.eos_token_id", &c.eos}}) {
    if (meta.has(key)) *id = nearest_id(meta.integer(key));
  }
}

}  // namespace embscope
