// Llama and GPT-2 in GGUF files, by the keys and names of llama.cpp (gguf-py, constants.py).
#include <fmt/format.h>

#include "model/family.h"
#include "model/rope.h"

namespace embscope {
namespace {

// Sizes that may be told apart in a file and are one here.
void refuse_other(const Meta& meta, const char* key, std::int64_t expected) {
  const std::int64_t found = meta.integer(key, expected);
  if (found != expected)
    throw Error(Code::unsupported, meta.where(), fmt::format("{}{} of {}: only that of a head's width, {}, is supported", meta.architecture(), key, found, expected));
}

std::int64_t vocabulary_size(const Archive& archive) {
  const View& wte = archive.at("token_embd.weight");
  if (wte.shape.rank() != 2)
    throw Error(Code::shape, "gguf", "token_embd.weight: expected 2 axes, found " + wte.shape.text());
  return wte.shape[0];
}

}  // namespace

std::int64_t meta_integer(const Archive& archive, const std::string& key) {
  return Meta(archive).integer(key);
}

std::string_view meta_string(const Archive& archive, const std::string& key) {
  return Meta(archive).string(key);
}

Config gguf_config(const Meta& meta) {
  Config c;
  c.family = meta.string("general.architecture");
  const std::string where = meta.where();
  if (c.family != "llama" && c.family != "gpt2")
    throw Error(Code::unsupported, where, fmt::format("architecture '{}': llama and gpt2 are supported", c.family));
  c.width = meta.integer(".embedding_length");
  c.blocks = meta.integer(".block_count");
  c.heads = meta.integer(".attention.head_count");
  c.kv_heads = meta.integer(".attention.head_count_kv", c.heads);
  c.mlp_width = meta.integer(".feed_forward_length");
  c.context = meta.integer(".context_length");
  c.vocab = vocabulary_size(meta.archive());
  c.head_width = meta.integer(".attention.key_length", c.heads > 0 ? c.width / c.heads : 0);
  const bool llama = c.family == "llama";
  c.epsilon = static_cast<float>(meta.number(llama ? ".attention.layer_norm_rms_epsilon" : ".attention.layer_norm_epsilon"));
  if (llama) {
    c.norm = NormKind::rms;
    c.position = PositionKind::rotary;
    c.activation = Activation::silu;
    c.gated_mlp = true;
  }
  check_config(c, where);
  refuse_other(meta, ".attention.value_length", c.head_width);
  if (llama) {
    refuse_other(meta, ".rope.dimension_count", c.head_width);
    const Rope rope = read_rope(meta, c.head_width, c.context);
    c.rope_frequencies = rope.frequencies, c.attn_scale = scale_of(rope, c.head_width);
    check_frequencies(c, where);
  }
  for (const auto& [key, id] :
       {std::pair{"tokenizer.ggml.bos_token_id", &c.bos}, std::pair{"tokenizer.ggml.eos_token_id", &c.eos}}) {
    if (meta.has(key)) *id = nearest_id(meta.integer(key));
  }
  return c;
}

Weights gguf_weights(Config& c, const Tensors& tensors) {
  const std::int64_t q_width = c.heads * c.head_width, kv_width = c.kv_heads * c.head_width;
  const bool llama = c.position == PositionKind::rotary;
  Weights w;
  w.wte = tensors.matrix("token_embd.weight", c.vocab, c.width);
  if (!llama) w.wpe = tensors.matrix("position_embd.weight", c.context, c.width);
  w.unembed = unembedding(c, w.wte, tensors, "output.weight");
  if (tensors.has("rope_freqs.weight")) tensors.at("rope_freqs.weight", {c.head_width / 2});
  // llama.cpp asks for all of GPT-2's biases, and takes what there is of a Llama's.
  auto bias = [&](const std::string& name, std::int64_t count) {
    return llama ? tensors.optional_vector(name, count) : tensors.vector(name, count);
  };
  auto norm = [&](const std::string& name) {
    return Norm{tensors.vector(name + ".weight", c.width), llama ? Vector{} : tensors.vector(name + ".bias", c.width)};
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
      b.gate_bias = bias(blk + "ffn_gate.bias", c.mlp_width);
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
    b.o_bias = bias(blk + "attn_output.bias", c.width);
    b.up = tensors.matrix(blk + "ffn_up.weight", c.mlp_width, c.width);
    b.up_bias = bias(blk + "ffn_up.bias", c.mlp_width);
    b.down = tensors.matrix(blk + "ffn_down.weight", c.width, c.mlp_width);
    b.down_bias = bias(blk + "ffn_down.bias", c.width);
    w.blocks.push_back(std::move(b));
  }
  w.ln_final = norm("output_norm");
  return w;
}

}  // namespace embscope
