// Models of GGUF files with an MLP in each block.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "model/gguf.h"
#include "model/gguf_experts.h"
#include "model/rope.h"

namespace embscope::gguf {

void use_norms_after(Config& c, Names& n) {
  n.ln1_post = "post_attention_norm", n.ln2_post = "post_ffw_norm";
  c.norm_before = false, c.norm_after = true;
}

void turn_windows(Config& c, double theta) {
  const auto turned = 2 * static_cast<std::int64_t>(c.ropes[0].frequencies.size());
  c.ropes.push_back({rope_frequencies(theta, turned), 1, false});
  for (Layer& layer : c.layers) layer.rope = layer.window > 0 ? 1 : 0;
}

void turn_windows_alone(Config& c) {
  const bool windows = std::ranges::any_of(c.layers, [](const Layer& layer) { return layer.window > 0; });
  for (Layer& layer : c.layers) layer.rope = !windows || layer.window > 0 ? 0 : -1;
}

namespace {

// LayerNorms of queries and keys, in the models of an architecture that have them.
void norm_queries_keys_if_there(const Metadata& meta, Config& c, Names& n) {
  if (meta.archive().find("blk.0.attn_q_norm.weight") == nullptr) return;
  norm_queries_keys(c, n, QkNorm::heads);
  c.qk_norm_kind = NormKind::layer;
}

}  // namespace

// With experts it is Mixtral.
void llama(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_interleaved(meta, c, n);
  n.optional_biases = true;
  const bool routed = meta.archive().find("blk.0.ffn_gate_inp.weight") != nullptr;
  if (routed && meta.has(".expert_count")) read_experts(meta, c, n, {.normalised = true});
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
  norm_queries_keys(c, n, QkNorm::heads);
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
  norm_queries_keys(c, n, QkNorm::heads);
  read_window(meta, c, [](std::int64_t l) { return l % 6 != 5; });
  turn_windows(c, meta.number(".rope.freq_base_swa", 10000));
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
  read_window(meta, c, [](std::int64_t) { return true; });
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
  use_norms_after(c, n);
  norm_queries_keys(c, n, QkNorm::together);
  if (!meta.has(".attention.sliding_window")) return;
  read_window(meta, c, [](std::int64_t l) { return l % 4 != 3; });  // OLMo 3
  turn_windows(c, meta.number(".rope.freq_base", 10000));
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
  read_window(meta, c, [](std::int64_t) { return true; });
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
  const double most = meta.number(".attention.max_alibi_bias");
  if (!(most > 0)) throw Error(Code::unsupported, meta.where(), "an MPT without ALiBi is not supported");
  c.alibi_slopes = mpt_slopes(c.heads, most);
  c.qkv_clip = static_cast<float>(meta.number(".attention.clamp_kqv", 0));
  n.qkv = "attn_qkv", n.fused = Fused::stacked;
}

void stablelm(const Metadata& meta, Config& c, Names& n) {
  read_like_starcoder2(meta, c, n);
  c.activation = Activation::silu, c.gated_mlp = true;
  c.parallel = c.one_norm = meta.archive().find("blk.0.ffn_norm.weight") == nullptr;
  n.qkv_bias = meta.archive().find("blk.0.attn_q.bias") != nullptr;
  norm_queries_keys_if_there(meta, c, n);
  meta.ignore(".use_parallel_residual");  // what llama.cpp too reads of the tensors
}

void command_r(const Metadata& meta, Config& c, Names& n) {
  read_like_starcoder2(meta, c, n);
  c.ropes[0].pairs = true;
  c.activation = Activation::silu, c.gated_mlp = true, c.parallel = c.one_norm = true;
  n.norm_bias = false;
  c.logit_scale = static_cast<float>(meta.number(".logit_scale"));
  norm_queries_keys_if_there(meta, c, n);
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

// Queries grow with the position, beyond the context that was trained first.
void mistral3(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_interleaved(meta, c, n);
  c.growth = meta.number(".attention.temperature_scale", 0);
  if (c.growth == 0) return;
  c.growth_span = meta.integer(".rope.scaling.original_context_length");
  if (c.growth_span < 1 || !std::isfinite(c.growth))
    throw Error(Code::format, meta.where(),
                fmt::format("queries that grow by {} every {} positions", c.growth, c.growth_span));
  for (Layer& layer : c.layers) layer.grows = true;
}

// The file counts gate and up together.
void qwen(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  if (c.mlp_width % 2 != 0)
    throw Error(Code::format, meta.where(), fmt::format("a feed_forward_length of {} for two halves", c.mlp_width));
  c.mlp_width /= 2;
  n.qkv = "attn_qkv", n.fused = Fused::stacked, n.qkv_bias = true;
}

void glm4(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_pairs(c);
  n.gate_up = "ffn_up", n.optional_biases = true;
  c.norm_after = true, n.ln1_post = "post_attention_norm", n.ln2_post = "post_ffw_norm";
}

void chatglm(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_pairs(c);
  n.qkv = "attn_qkv", n.fused = Fused::stacked, n.gate_up = "ffn_up", n.optional_biases = true;
}

void ernie4_5(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_pairs(c);
  n.optional_biases = true;
}

void exaone(const Metadata& meta, Config& c, Names&) { read_like_llama(meta, c); }

void exaone4(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_norms_after(c, n);
  norm_queries_keys(c, n, QkNorm::heads);
  read_window(meta, c, [](std::int64_t l) { return l % 4 != 3; });
  turn_windows_alone(c);
}

void hunyuan_dense(const Metadata& meta, Config& c, Names& n) {
  qwen3(meta, c, n);
  c.qk_norm_after = true;
}

void seed_oss(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  n.ln2 = "post_attention_norm", n.optional_biases = true;
}

void internlm2(const Metadata& meta, Config& c, Names& n) { llama(meta, c, n); }

void xverse(const Metadata& meta, Config& c, Names& n) { llama(meta, c, n); }

// The smaller one turns, the larger one has ALiBi: which it is, only the number of blocks says.
void baichuan(const Metadata& meta, Config& c, Names& n) {
  llama(meta, c, n);
  if (c.blocks == 32) return;
  if (c.blocks != 40)
    throw Error(
        Code::unsupported, meta.where(),
        fmt::format("a Baichuan of {} blocks: those of 32 (with a rotation) and 40 (with ALiBi) are known", c.blocks));
  c.position = PositionKind::alibi, c.alibi_slopes = bloom_slopes(c.heads), c.ropes.clear();
  for (Layer& layer : c.layers) layer.rope = -1;
}

void orion(const Metadata& meta, Config& c, Names& n) {
  read_like_starcoder2(meta, c, n);
  c.activation = Activation::silu, c.gated_mlp = true;
}

// The multipliers of the first files are not written in them.
void minicpm(const Metadata& meta, Config& c, Names& n) {
  granite(meta, c, n);
  const auto width = static_cast<float>(c.width);
  if (!meta.has(".embedding_scale")) c.embedding_scale = 12;
  if (!meta.has(".residual_scale")) c.residual_scale = 1.4f / std::sqrt(static_cast<float>(c.blocks));
  if (!meta.has(".logit_scale")) c.logit_scale = 256 / width;
}

void apertus(const Metadata& meta, Config& c, Names& n) {
  qwen3(meta, c, n);
  c.gated_mlp = false, c.activation = Activation::xielu;
  const auto p = meta.numbers("xielu.alpha_p"), negative = meta.numbers("xielu.alpha_n"),
             beta = meta.numbers("xielu.beta"), epsilon = meta.numbers("xielu.eps");
  for (const auto* list : {&p, &negative, &beta, &epsilon}) {
    if (list->size() != c.layers.size())
      throw Error(Code::format, meta.where(),
                  fmt::format("xielu has {} numbers for {} blocks", list->size(), c.blocks));
  }
  for (std::size_t l = 0; l < c.layers.size(); ++l)
    c.layers[l].xielu = xielu_of(p[l], negative[l], beta[l], epsilon[l]);
}

void minicpm3(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  read_latents(meta, c, n);
  c.embedding_scale = 12, c.residual_scale = 1.4f / std::sqrt(static_cast<float>(c.blocks));
  c.logit_scale = 256 / static_cast<float>(c.width);
}

void refact(const Metadata& meta, Config& c, Names&) {
  c.norm = NormKind::rms, c.activation = Activation::silu, c.gated_mlp = true;
  c.position = PositionKind::alibi;
  read_sizes(meta, c);
  c.context = std::max(c.context, alibi_context), c.alibi_slopes = bloom_slopes(c.heads);
}

void codeshell(const Metadata& meta, Config& c, Names& n) {
  read_like_starcoder2(meta, c, n);
  n.qkv = "attn_qkv", n.fused = Fused::stacked;
  n.qkv_bias = n.o_bias = n.mlp_bias = true;
}

void plm(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  use_pairs(c);
  read_latents(meta, c, n);
  c.gated_mlp = false, c.activation = Activation::relu_squared;
}

// Positions have parts, of images: the same for each word of a text.
void qwen2vl(const Metadata& meta, Config& c, Names& n) {
  qwen2(meta, c, n);
  meta.ignore(".rope.dimension_sections");
}

void qwen3vl(const Metadata& meta, Config& c, Names& n) {
  qwen3(meta, c, n);
  for (const char* key : {".rope.dimension_sections", ".n_deepstack_layers", ".deepstack_mapping"}) meta.ignore(key);
}

// Granite's, with sinks, windows, and a rotation in the blocks that the file says.
void granite_swa(const Metadata& meta, Config& c, Names& n) {
  const bool routed = meta.archive().find("blk.0.ffn_gate_inp.weight") != nullptr;
  routed ? granitemoe(meta, c, n) : granite(meta, c, n);
  n.sinks = "attn_sinks.weight", c.sinks = true;
  if (routed && c.experts.shared_width > 0)
    throw Error(Code::unsupported, meta.where(), "a granite_swa with shared experts is not supported");
  read_window(meta, c, [](std::int64_t l) { return l % 4 != 0; });
  const char* pattern = ".attention.rope_pattern";
  if (!meta.has(pattern)) return;
  const std::vector<double> turned = meta.numbers(pattern);
  if (turned.size() != c.layers.size())
    throw Error(Code::format, meta.where(),
                fmt::format("{}{} has {} blocks, the model {}", meta.architecture(), pattern, turned.size(), c.blocks));
  for (std::size_t l = 0; l < turned.size(); ++l) c.layers[l].rope = turned[l] != 0 ? 0 : -1;
}

// Scores are divided by a head's width, not by its root (maximal update parametrisation).
void jais(const Metadata& meta, Config& c, Names& n) {
  c.position = PositionKind::alibi, c.activation = Activation::silu, c.gated_mlp = true;
  read_sizes(meta, c);
  const double most = meta.number(".attention.max_alibi_bias", 8);
  if (!(most > 0)) throw Error(Code::unsupported, meta.where(), "a Jais without ALiBi is not supported");
  c.context = std::max(c.context, alibi_context), c.alibi_slopes = mpt_slopes(c.heads, most);
  c.attn_scale = 1 / static_cast<float>(c.head_width);
  n.qkv = "attn_qkv", n.fused = Fused::stacked;
  n.norm_bias = n.qkv_bias = n.o_bias = n.mlp_bias = true;
}

void jais2(const Metadata& meta, Config& c, Names& n) {
  read_like_starcoder2(meta, c, n);
  c.activation = Activation::relu_squared;
  n.optional_biases = true;
}

// Both branches read one norm.
void plamo(const Metadata& meta, Config& c, Names&) {
  read_like_llama(meta, c);
  c.parallel = c.one_norm = true;
}

void pangu_embedded(const Metadata& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  n.optional_biases = true;
}

}  // namespace embscope::gguf
