// Models in GGUF files, by the keys and names of llama.cpp (gguf-py, constants.py).
#include "model/gguf.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

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

}  // namespace

namespace gguf {

namespace {

void read_frame(const Metadata& meta, Config& c) {
  c.width = meta.integer(".embedding_length");
  c.blocks = meta.integer(".block_count");
  c.heads = meta.integer(".attention.head_count");
  c.context = meta.integer(".context_length");
  c.vocab = vocabulary_size(meta.archive());
}

void finish_sizes(const Metadata& meta, Config& c) {
  const bool rms = c.norm == NormKind::rms;
  c.epsilon =
      static_cast<float>(meta.number(rms ? ".attention.layer_norm_rms_epsilon" : ".attention.layer_norm_epsilon"));
  check_config(c, meta.where());
  c.layers.resize(static_cast<std::size_t>(c.blocks));
}

}  // namespace

void read_model_sizes(const Metadata& meta, Config& c) {
  read_frame(meta, c);
  c.kv_heads = 1, c.mlp_width = 1;  // each block has its own
  c.head_width = meta.integer(".attention.key_length_swa");
  finish_sizes(meta, c);
}

void read_sizes(const Metadata& meta, Config& c) {
  read_frame(meta, c);
  c.kv_heads = meta.integer(".attention.head_count_kv", c.heads);
  c.mlp_width = meta.integer(".feed_forward_length");
  c.head_width = meta.integer(".attention.key_length", c.heads > 0 ? c.width / c.heads : 0);
  finish_sizes(meta, c);
  if (!meta.has(".attention.kv_lora_rank")) refuse_other(meta, ".attention.value_length", c.head_width);
}

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
  const char* pattern = ".attention.sliding_window_pattern";
  const std::vector<double> own = meta.has(pattern) ? meta.numbers(pattern) : std::vector<double>();
  const auto every = own.size() == 1 ? static_cast<std::int64_t>(own[0]) : 0;
  if (own.size() > 1 ? own.size() != c.layers.size() : own.size() == 1 && (every < 1 || every > c.blocks + 1))
    throw Error(Code::format, meta.where(),
                fmt::format("{}{}: expected a number n (every nth block has no window), or a number for each block",
                            meta.architecture(), pattern));
  for (std::size_t l = 0; l < c.layers.size(); ++l) {
    const auto block = static_cast<std::int64_t>(l);
    const bool has = own.empty() ? windowed(block) : every > 0 ? (block + 1) % every != 0 : own[l] != 0;
    c.layers[l].window = has ? window : 0;
  }
}

void read_caps(const Metadata& meta, Config& c) {
  c.score_cap = static_cast<float>(meta.number(".attn_logit_softcapping", 0));
  c.logit_cap = static_cast<float>(meta.number(".final_logit_softcapping", 0));
}

void use_interleaved(const Metadata& meta, const Config& c, Names& n) {
  refuse_other(meta, ".rope.dimension_count", c.head_width);
  n.interleaved = true;
}

void use_pairs(Config& c) {
  for (Rope& rope : c.ropes) rope.pairs = true;
}

void norm_queries_keys(Config& c, Names& n, QkNorm kind) {
  c.qk_norm = kind;
  n.q_norm = "attn_q_norm", n.k_norm = "attn_k_norm";
}

}  // namespace gguf

namespace {

constexpr std::pair<std::string_view, void (*)(const Metadata&, Config&, Names&)> architectures[] = {
    {"llama", gguf::llama},
    {"mistral3", gguf::mistral3},
    {"gpt2", gguf::gpt2},
    {"qwen", gguf::qwen},
    {"qwen2", gguf::qwen2},
    {"qwen3", gguf::qwen3},
    {"gemma", gguf::gemma},
    {"gemma2", gguf::gemma2},
    {"gemma3", gguf::gemma3},
    {"gemma4", gguf::gemma4},
    {"phi2", gguf::phi2},
    {"phi3", gguf::phi3},
    {"olmo", gguf::olmo},
    {"olmo2", gguf::olmo2},
    {"olmoe", gguf::olmoe},
    {"qwen2moe", gguf::qwen2moe},
    {"qwen3moe", gguf::qwen3moe},
    {"gpt-oss", gguf::gpt_oss},
    {"starcoder", gguf::starcoder},
    {"starcoder2", gguf::starcoder2},
    {"gptneox", gguf::gptneox},
    {"falcon", gguf::falcon},
    {"bloom", gguf::bloom},
    {"mpt", gguf::mpt},
    {"stablelm", gguf::stablelm},
    {"command-r", gguf::command_r},
    {"cohere2", gguf::cohere2},
    {"granite", gguf::granite},
    {"granitemoe", gguf::granitemoe},
    {"nemotron", gguf::nemotron},
    {"smollm3", gguf::smollm3},
    {"arcee", gguf::arcee},
    {"deepseek", gguf::deepseek},
    {"deepseek2", gguf::deepseek2},
    {"dots1", gguf::dots1},
    {"glm4", gguf::glm4},
    {"chatglm", gguf::chatglm},
    {"glm4moe", gguf::glm4moe},
    {"ernie4_5", gguf::ernie4_5},
    {"ernie4_5-moe", gguf::ernie4_5_moe},
    {"exaone", gguf::exaone},
    {"exaone4", gguf::exaone4},
    {"hunyuan-dense", gguf::hunyuan_dense},
    {"hunyuan-moe", gguf::hunyuan_moe},
    {"seed_oss", gguf::seed_oss},
    {"internlm2", gguf::internlm2},
    {"minicpm", gguf::minicpm},
    {"minicpm3", gguf::minicpm3},
    {"dbrx", gguf::dbrx},
    {"llama4", gguf::llama4},
    {"minimax-m2", gguf::minimax_m2},
    {"orion", gguf::orion},
    {"xverse", gguf::xverse},
    {"baichuan", gguf::baichuan},
    {"refact", gguf::refact},
    {"apertus", gguf::apertus},
    {"phimoe", gguf::phimoe},
    {"bailingmoe", gguf::bailingmoe},
    {"codeshell", gguf::codeshell},
    {"plm", gguf::plm},
    {"qwen2vl", gguf::qwen2vl},
    {"qwen3vl", gguf::qwen3vl},
    {"qwen3vlmoe", gguf::qwen3vlmoe},
    {"bailingmoe2", gguf::bailingmoe2},
    {"exaone-moe", gguf::exaone_moe},
    {"mellum", gguf::mellum},
    {"hy_v3", gguf::hy_v3},
    {"granite_swa", gguf::granite_swa},
    {"jais", gguf::jais},
    {"jais2", gguf::jais2},
    {"plamo", gguf::plamo},
    {"pangu-embedded", gguf::pangu_embedded}};

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
  std::string type = c.family;
  std::ranges::replace(type, '-', '_');
  if (const std::string_view why = out_of_scope(type); !why.empty())
    throw Error(Code::unsupported, meta.where(),
                fmt::format("architecture '{}' is {}, which is not supported: see 'embscope families'", c.family, why));
  if (known == std::end(architectures))
    throw Error(Code::unsupported, meta.where(),
                fmt::format("architecture '{}' is not supported: 'embscope families' lists those that are", c.family));
  known->second(meta, c, n);
  const bool fused = meta.archive().find("blk.0.attn_qkv.weight") != nullptr;
  if (fused && n.qkv.empty() && !n.interleaved) n.qkv = "attn_qkv", n.fused = Fused::stacked;
  if (!fused && n.qkv == "attn_qkv") n.qkv = "", n.fused = Fused::none;
  for (const auto& [key, id] :
       {std::pair{"tokenizer.ggml.bos_token_id", &c.bos}, std::pair{"tokenizer.ggml.eos_token_id", &c.eos}}) {
    if (meta.has(key)) *id = nearest_id(meta.integer(key));
  }
}

}  // namespace embscope
