// Llama (Touvron et al. 2023) in Hugging Face's files.
#include <cmath>

#include <fmt/format.h>

#include "model/family.h"

namespace embscope {
namespace {

// Llama 3.1 stretches the slow rotations by a factor and blends in between (Hugging Face, _compute_llama3_parameters).
void stretch_llama3(std::vector<double>& frequencies, const JsonObject& scaling) {
  const double factor = scaling.number("factor"), low = scaling.number("low_freq_factor"),
               high = scaling.number("high_freq_factor");
  const double context = scaling.number("original_max_position_embeddings");
  for (double& f : frequencies) {
    const double wavelength = 2 * M_PI / f;
    if (wavelength > context / low) {
      f /= factor;
    } else if (wavelength > context / high) {
      const double smooth = (context / wavelength - low) / (high - low);
      f = (1 - smooth) * f / factor + smooth * f;
    }
  }
}

void read_rope(Config& c, const JsonObject& json) {
  // transformers 5 writes rope_parameters, earlier versions rope_theta beside rope_scaling
  const bool nested = json.has("rope_parameters");
  const double theta =
      nested ? json.object("rope_parameters").number("rope_theta", 10000) : json.number("rope_theta", 10000);
  if (!(theta > 0)) throw Error(Code::format, json.where(), fmt::format("rope_theta {}: must be positive", theta));
  c.rope_frequencies = rope_frequencies(theta, c.head_width);
  const char* key = nested ? "rope_parameters" : "rope_scaling";
  if (!json.has(key)) return;
  const JsonObject scaling = json.object(key);
  const std::string_view kind = scaling.string("rope_type", scaling.string("type", "default"));
  if (kind == "llama3") {
    stretch_llama3(c.rope_frequencies, scaling);
  } else if (kind == "linear") {
    for (double& f : c.rope_frequencies) f /= scaling.number("factor");
  } else if (kind != "default") {
    throw Error(Code::unsupported, json.where(),
                fmt::format("rope scaling '{}': default, linear and llama3 are known", kind));
  }
}

}  // namespace

std::vector<double> rope_frequencies(double theta, std::int64_t head_width) {
  std::vector<double> frequencies;
  for (std::int64_t i = 0; i < head_width / 2; ++i)
    frequencies.push_back(std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_width)));
  return frequencies;
}

Config llama_config(const JsonObject& json) {
  Config c;
  c.family = "llama";
  c.norm = NormKind::rms;
  c.position = PositionKind::rotary;
  c.activation = Activation::silu;
  c.gated_mlp = true;
  c.vocab = json.integer("vocab_size");
  c.width = json.integer("hidden_size");
  c.blocks = json.integer("num_hidden_layers");
  c.heads = json.integer("num_attention_heads");
  c.kv_heads = json.integer("num_key_value_heads", c.heads);
  c.mlp_width = json.integer("intermediate_size");
  c.context = json.integer("max_position_embeddings");
  c.head_width = json.integer("head_dim", c.heads > 0 ? c.width / c.heads : 0);
  c.epsilon = static_cast<float>(json.number("rms_norm_eps", 1e-6));
  c.tied = json.truth("tie_word_embeddings", false);
  if (json.string("hidden_act", "silu") != "silu")
    throw Error(Code::unsupported, json.where(), "hidden_act: only silu is supported");
  check_config(c, json.where());
  read_rope(c, json);
  check_frequencies(c, json.where());
  return c;
}

Weights llama_weights(const Config& c, const Tensors& tensors) {
  const std::int64_t q_width = c.heads * c.head_width, kv_width = c.kv_heads * c.head_width;
  Weights w;
  w.wte = tensors.matrix("model.embed_tokens.weight", c.vocab, c.width);
  w.unembed = c.tied ? w.wte : tensors.matrix("lm_head.weight", c.vocab, c.width);
  for (std::int64_t l = 0; l < c.blocks; ++l) {
    const std::string layer = fmt::format("model.layers.{}.", l), attn = layer + "self_attn.", mlp = layer + "mlp.";
    BlockWeights b;
    b.ln1 = {tensors.vector(layer + "input_layernorm.weight", c.width), {}};
    b.ln2 = {tensors.vector(layer + "post_attention_layernorm.weight", c.width), {}};
    b.q = tensors.matrix(attn + "q_proj.weight", q_width, c.width);
    b.k = tensors.matrix(attn + "k_proj.weight", kv_width, c.width);
    b.v = tensors.matrix(attn + "v_proj.weight", kv_width, c.width);
    b.o = tensors.matrix(attn + "o_proj.weight", c.width, q_width);
    b.q_bias = tensors.optional_vector(attn + "q_proj.bias", q_width);
    b.k_bias = tensors.optional_vector(attn + "k_proj.bias", kv_width);
    b.v_bias = tensors.optional_vector(attn + "v_proj.bias", kv_width);
    b.o_bias = tensors.optional_vector(attn + "o_proj.bias", c.width);
    b.gate = tensors.matrix(mlp + "gate_proj.weight", c.mlp_width, c.width);
    b.up = tensors.matrix(mlp + "up_proj.weight", c.mlp_width, c.width);
    b.down = tensors.matrix(mlp + "down_proj.weight", c.width, c.mlp_width);
    b.gate_bias = tensors.optional_vector(mlp + "gate_proj.bias", c.mlp_width);
    b.up_bias = tensors.optional_vector(mlp + "up_proj.bias", c.mlp_width);
    b.down_bias = tensors.optional_vector(mlp + "down_proj.bias", c.width);
    w.blocks.push_back(std::move(b));
  }
  w.ln_final = {tensors.vector("model.norm.weight", c.width), {}};
  return w;
}

}  // namespace embscope
