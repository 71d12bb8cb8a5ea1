// Llama and GPT-2 in GGUF files, by the keys and names of llama.cpp (gguf-py, constants.py).
#include <cmath>

#include <fmt/format.h>

#include "model/family.h"

namespace embscope {
namespace {

double meta_number(const Archive& archive, const std::string& key) {
  const MetaValue* value = archive.meta(key);
  if (value != nullptr) {
    if (const auto* x = std::get_if<double>(value)) return *x;
    if (const auto* x = std::get_if<std::uint64_t>(value)) return static_cast<double>(*x);
    if (const auto* x = std::get_if<std::int64_t>(value)) return static_cast<double>(*x);
  }
  throw Error(Code::format, "gguf",
              fmt::format("{}: key '{}' is {}", archive.path().filename().string(), key,
                          value == nullptr ? "missing" : "no number"));
}

double meta_number(const Archive& archive, const std::string& key, double otherwise) {
  return archive.meta(key) == nullptr ? otherwise : meta_number(archive, key);
}

std::int64_t vocabulary_size(const Archive& archive) {
  const View& wte = archive.at("token_embd.weight");
  if (wte.shape.rank() != 2)
    throw Error(Code::shape, "gguf", "token_embd.weight: expected 2 axes, found " + wte.shape.text());
  return wte.shape[0];
}

void scale_frequencies(Config& c, const Archive& archive) {
  const View* factors = archive.find("rope_freqs.weight");
  if (factors == nullptr) return;
  const Tensor values = decode(*factors);
  if (values.size() != c.head_width / 2)
    throw Error(Code::shape, "gguf",
                fmt::format("rope_freqs.weight: expected {}, found {}", c.head_width / 2, values.size()));
  for (std::size_t i = 0; i < c.rope_frequencies.size(); ++i)
    c.rope_frequencies[i] /= static_cast<double>(values.values()[i]);
}

}  // namespace

std::int64_t meta_integer(const Archive& archive, const std::string& key) {
  const double x = meta_number(archive, key);
  if (x != std::floor(x) || std::abs(x) > 1e15)
    throw Error(Code::format, "gguf", fmt::format("key '{}': expected a whole number, found {}", key, x));
  return static_cast<std::int64_t>(x);
}

std::string_view meta_string(const Archive& archive, const std::string& key) {
  const MetaValue* value = archive.meta(key);
  if (value != nullptr) {
    if (const auto* text = std::get_if<std::string_view>(value)) return *text;
  }
  throw Error(Code::format, "gguf",
              fmt::format("{}: key '{}' is {}", archive.path().filename().string(), key,
                          value == nullptr ? "missing" : "no text"));
}

Config gguf_config(const Archive& archive) {
  Config c;
  c.family = meta_string(archive, "general.architecture");
  if (c.family != "llama" && c.family != "gpt2") {
    throw Error(Code::unsupported, archive.path().filename().string(),
                fmt::format("architecture '{}': llama and gpt2 are supported", c.family));
  }
  const std::string root = c.family + ".";
  c.width = meta_integer(archive, root + "embedding_length");
  c.blocks = meta_integer(archive, root + "block_count");
  c.heads = meta_integer(archive, root + "attention.head_count");
  c.kv_heads = archive.meta(root + "attention.head_count_kv") ? meta_integer(archive, root + "attention.head_count_kv")
                                                              : c.heads;
  c.mlp_width = meta_integer(archive, root + "feed_forward_length");
  c.context = meta_integer(archive, root + "context_length");
  c.vocab = vocabulary_size(archive);
  c.tied = archive.find("output.weight") == nullptr;
  c.head_width = archive.meta(root + "attention.key_length") ? meta_integer(archive, root + "attention.key_length")
                 : c.heads > 0                               ? c.width / c.heads
                                                             : 0;
  const bool llama = c.family == "llama";
  c.epsilon = static_cast<float>(
      meta_number(archive, root + (llama ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon")));
  if (llama) {
    c.norm = NormKind::rms;
    c.position = PositionKind::rotary;
    c.activation = Activation::silu;
    c.gated_mlp = true;
  }
  check_config(c, archive.path().filename().string());
  if (llama) {
    if (archive.meta("llama.rope.scaling.type") && meta_string(archive, "llama.rope.scaling.type") != "none") {
      throw Error(Code::unsupported, archive.path().filename().string(),
                  "llama.rope.scaling.type: only 'none' is supported");
    }
    c.rope_frequencies = rope_frequencies(meta_number(archive, "llama.rope.freq_base", 10000), c.head_width);
    scale_frequencies(c, archive);
    check_frequencies(c, archive.path().filename().string());
  }
  for (const auto& [key, id] :
       {std::pair{"tokenizer.ggml.bos_token_id", &c.bos}, std::pair{"tokenizer.ggml.eos_token_id", &c.eos}}) {
    if (archive.meta(key)) *id = nearest_id(meta_integer(archive, key));
  }
  return c;
}

Weights gguf_weights(const Config& c, const Tensors& tensors) {
  const std::int64_t q_width = c.heads * c.head_width, kv_width = c.kv_heads * c.head_width;
  const bool llama = c.position == PositionKind::rotary;
  Weights w;
  w.wte = tensors.matrix("token_embd.weight", c.vocab, c.width);
  if (!llama) w.wpe = tensors.matrix("position_embd.weight", c.context, c.width);
  w.unembed = c.tied ? w.wte : tensors.matrix("output.weight", c.vocab, c.width);
  auto norm = [&](const std::string& name) {
    return Norm{tensors.vector(name + ".weight", c.width), tensors.optional_vector(name + ".bias", c.width)};
  };
  for (std::int64_t l = 0; l < c.blocks; ++l) {
    const std::string blk = fmt::format("blk.{}.", l);
    auto slice = [&](std::int64_t first, std::int64_t out) {
      Matrix m = tensors.matrix(blk + "attn_qkv.weight", q_width + 2 * kv_width, c.width);
      m.first = first, m.out = out;
      return m;
    };
    auto bias_slice = [&](std::int64_t first, std::int64_t count) {
      Vector v = tensors.vector(blk + "attn_qkv.bias", q_width + 2 * kv_width);
      return Vector{v.view, first, count};
    };
    BlockWeights b;
    b.ln1 = norm(blk + "attn_norm");
    b.ln2 = norm(blk + "ffn_norm");
    if (llama) {
      b.q = tensors.matrix(blk + "attn_q.weight", q_width, c.width);
      b.k = tensors.matrix(blk + "attn_k.weight", kv_width, c.width);
      b.v = tensors.matrix(blk + "attn_v.weight", kv_width, c.width);
      b.q.rotary_heads = c.heads;
      b.k.rotary_heads = c.kv_heads;
      b.gate = tensors.matrix(blk + "ffn_gate.weight", c.mlp_width, c.width);
      for (const char* name : {"attn_q.bias", "attn_k.bias", "attn_v.bias"}) {
        if (tensors.has(blk + name))
          throw Error(Code::unsupported, "gguf",
                      fmt::format("'{}{}': biases of rotary queries and keys are not supported", blk, name));
      }
    } else {
      b.q = slice(0, q_width), b.k = slice(q_width, kv_width), b.v = slice(q_width + kv_width, kv_width);
      b.q_bias = bias_slice(0, q_width), b.k_bias = bias_slice(q_width, kv_width),
      b.v_bias = bias_slice(q_width + kv_width, kv_width);
    }
    b.o = tensors.matrix(blk + "attn_output.weight", c.width, q_width);
    b.o_bias = tensors.optional_vector(blk + "attn_output.bias", c.width);
    b.up = tensors.matrix(blk + "ffn_up.weight", c.mlp_width, c.width);
    b.up_bias = tensors.optional_vector(blk + "ffn_up.bias", c.mlp_width);
    b.down = tensors.matrix(blk + "ffn_down.weight", c.width, c.mlp_width);
    b.down_bias = tensors.optional_vector(blk + "ffn_down.bias", c.width);
    w.blocks.push_back(std::move(b));
  }
  w.ln_final = norm("output_norm");
  return w;
}

}  // namespace embscope
