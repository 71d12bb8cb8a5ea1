#include "train/parameters.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/random.h"

namespace embscope {
namespace {

constexpr std::int64_t alignment = 16;  // floats

bool ends_with(const std::string& name, std::string_view end) {
  return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

// Outputs [in, first .. first + out] of a Conv1D matrix [in, columns].
void load_columns(const Matrix& m, float* to, std::int64_t first, std::int64_t columns) {
  std::vector<float> row(static_cast<std::size_t>(m.in));
  for (std::int64_t j = 0; j < m.out; ++j) {
    m.row(j, row.data());
    for (std::int64_t i = 0; i < m.in; ++i) to[i * columns + first + j] = row[static_cast<std::size_t>(i)];
  }
}

void load_vector(const Vector& v, float* to) {
  const Tensor values = v.values();
  std::ranges::copy(values.values(), to);
}

}  // namespace

Layout::Layout(const Config& c) {
  auto add = [&](std::string name, Shape shape, bool decays) {
    parameters_.push_back({"transformer." + std::move(name), std::move(shape), decays, floats_});
    const std::int64_t size = parameters_.back().size();
    floats_ += (size + alignment - 1) / alignment * alignment;
    count_ += size;
  };
  auto norm = [&](const std::string& name) {
    add(name + ".weight", {c.width}, false);
    add(name + ".bias", {c.width}, false);
  };
  auto linear = [&](const std::string& name, std::int64_t in, std::int64_t out) {
    add(name + ".weight", {in, out}, true);
    add(name + ".bias", {out}, false);
  };
  add("wte.weight", {c.vocab, c.width}, true);
  add("wpe.weight", {c.context, c.width}, true);
  for (std::int64_t l = 0; l < c.blocks; ++l) {
    const std::string h = fmt::format("h.{}.", l);
    norm(h + "ln_1");
    linear(h + "attn.c_attn", c.width, 3 * c.width);
    linear(h + "attn.c_proj", c.width, c.width);
    norm(h + "ln_2");
    linear(h + "mlp.c_fc", c.width, c.mlp_width);
    linear(h + "mlp.c_proj", c.mlp_width, c.width);
  }
  norm("ln_f");
}

void initialise(const Layout& layout, const Config& config, std::uint64_t seed, float* buffer) {
  Random random(seed);
  std::fill(buffer, buffer + layout.floats(), 0.0f);
  const double residual = 0.02 / std::sqrt(2 * static_cast<double>(config.blocks));
  for (const Parameter& p : layout.parameters()) {
    float* at = buffer + p.offset;
    const bool gain =
        ends_with(p.name, "ln_1.weight") || ends_with(p.name, "ln_2.weight") || ends_with(p.name, "ln_f.weight");
    const double deviation = ends_with(p.name, "c_proj.weight") ? residual : 0.02;
    for (std::int64_t i = 0; i < p.size(); ++i) {
      at[i] = gain ? 1.0f : p.decays ? static_cast<float>(deviation * random.normal()) : 0.0f;
    }
  }
}

namespace {

bool own_attention(const Config& c) {
  return std::ranges::any_of(c.layers, [](const Layer& layer) { return layer.window != 0 || layer.scale != 1; });
}

}  // namespace

void refuse_untrainable(const Config& c) {
  const char* what = c.position != PositionKind::learned     ? "rotary positions"
                     : c.norm != NormKind::layer             ? "RMSNorm"
                     : c.experts.count > 0                   ? "experts"
                     : c.gated_mlp                           ? "a gated MLP"
                     : !c.tied                               ? "an unembedding of its own"
                     : c.kv_heads != c.heads                 ? "shared key-value heads"
                     : c.activation != Activation::gelu_tanh ? "an activation other than gelu_new"
                     : own_attention(c)                      ? "windows, or scales that differ from block to block"
                                                             : nullptr;
  if (what != nullptr)
    throw Error(Code::unsupported, "training", fmt::format("a model with {}: GPT-2 models are trained", what));
}

void load(const Layout& layout, const Model& model, float* buffer) {
  const Config& c = model.config();
  refuse_untrainable(c);
  if (model.weights().blocks[0].q_bias.empty())
    throw Error(Code::unsupported, "training", "a model whose queries have no bias: GPT-2 models are trained");
  const Parts<float> to(layout, c.blocks, buffer);
  const Weights& w = model.weights();
  for (std::int64_t v = 0; v < c.vocab; ++v) w.wte.row(v, to.wte + v * c.width);
  for (std::int64_t t = 0; t < c.context; ++t) w.wpe.row(t, to.wpe + t * c.width);
  for (std::size_t l = 0; l < w.blocks.size(); ++l) {
    const BlockWeights& from = w.blocks[l];
    const BlockParts<float>& b = to.blocks[l];
    load_vector(from.ln1.gain, b.ln1_gain), load_vector(from.ln1.bias, b.ln1_bias);
    load_vector(from.ln2.gain, b.ln2_gain), load_vector(from.ln2.bias, b.ln2_bias);
    std::int64_t first = 0;
    for (const auto& [matrix, bias] :
         {std::pair{&from.q, &from.q_bias}, {&from.k, &from.k_bias}, {&from.v, &from.v_bias}}) {
      load_columns(*matrix, b.qkv, first, 3 * c.width);
      load_vector(*bias, b.qkv_bias + first);
      first += c.width;
    }
    load_columns(from.o, b.o, 0, c.width), load_vector(from.o_bias, b.o_bias);
    load_columns(from.up, b.up, 0, c.mlp_width), load_vector(from.up_bias, b.up_bias);
    load_columns(from.down, b.down, 0, c.width), load_vector(from.down_bias, b.down_bias);
  }
  load_vector(w.ln_final.gain, to.ln_gain), load_vector(w.ln_final.bias, to.ln_bias);
}

}  // namespace embscope
