// Models in GGUF files, by the keys and names of llama.cpp (gguf-py, constants.py): each architecture fills a Config
// and the Names.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/family.h"
#include "model/rope.h"

namespace embscope {
namespace {

// Sizes that may be told apart in a file and are one here.
void refuse_other(const Meta& meta, const char* key, std::int64_t expected) {
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
  return n;
}

void read_sizes(const Meta& meta, Config& c) {
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

// RMSNorm, a gated MLP, rotation of whole heads.
void read_like_llama(const Meta& meta, Config& c) {
  c.norm = NormKind::rms;
  c.position = PositionKind::rotary;
  c.activation = Activation::silu;
  c.gated_mlp = true;
  read_sizes(meta, c);
  refuse_other(meta, ".rope.dimension_count", c.head_width);
  c.ropes = {read_rope(meta, c.head_width, c.context).rope};
  check_frequencies(c, meta.where());
}

void llama(const Meta& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  n.interleaved = n.optional_biases = true;
}

void gpt2(const Meta& meta, Config& c, Names& n) {
  read_sizes(meta, c);
  n.wpe = "position_embd", n.qkv = "attn_qkv", n.fused = Fused::stacked;
  n.norm_bias = n.qkv_bias = n.o_bias = n.mlp_bias = true;
}

void qwen2(const Meta& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  n.qkv_bias = true;
}

void qwen3(const Meta& meta, Config& c, Names& n) {
  read_like_llama(meta, c);
  c.qk_norm = QkNorm::heads;
  n.q_norm = "attn_q_norm", n.k_norm = "attn_k_norm";
}

// The 1 is added to the gains already.
void gemma(const Meta& meta, Config& c, Names&) {
  read_like_llama(meta, c);
  c.activation = Activation::gelu_tanh;
  c.embedding_scale = std::sqrt(static_cast<float>(c.width));
}

const std::pair<std::string_view, void (*)(const Meta&, Config&, Names&)> architectures[] = {
    {"llama", llama}, {"gpt2", gpt2}, {"qwen2", qwen2}, {"qwen3", qwen3}, {"gemma", gemma}};

}  // namespace

std::int64_t meta_integer(const Archive& archive, const std::string& key) { return Meta(archive).integer(key); }

std::string_view meta_string(const Archive& archive, const std::string& key) { return Meta(archive).string(key); }

std::vector<std::string_view> gguf_architectures() {
  std::vector<std::string_view> names;
  for (const auto& [name, read] : architectures) names.push_back(name);
  return names;
}

void read_gguf(const Meta& meta, Config& c, Names& n) {
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
