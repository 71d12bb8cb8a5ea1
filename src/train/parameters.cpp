#include "train/parameters.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/random.h"
#include "model/family.h"

namespace embscope {
namespace {

constexpr std::int64_t alignment = 16;  // floats
constexpr double deviation = 0.02;

// Outputs [in, first .. first + out] of a Conv1D matrix [in, columns].
void load_columns(const Matrix& m, float* to, std::int64_t columns) {
  std::vector<float> row(static_cast<std::size_t>(m.in));
  for (std::int64_t j = 0; j < m.out; ++j) {
    m.row(j, row.data());
    for (std::int64_t i = 0; i < m.in; ++i) to[i * columns + j] = row[static_cast<std::size_t>(i)];
  }
}

void load_vector(const Vector& v, float* to) {
  const Tensor values = v.values();
  std::ranges::copy(values.values(), to);
}

}  // namespace

Location Layout::add(std::string name, Shape shape, double of_matrix, float initial) {
  const std::int64_t columns = shape.last();
  parameters_.push_back({std::move(name), std::move(shape), of_matrix, initial, floats_});
  const Parameter& p = parameters_.back();
  floats_ += (p.size() + alignment - 1) / alignment * alignment;
  count_ += p.size();
  return {p.offset, columns};
}

/// The parameters of one block, by the names that its family has for them.
struct BlockLayout {
  Layout& layout;
  const Names& names;
  std::string at;  ///< "transformer.h.3."

  LinearOf<Location, Location> linear(const std::string& name, std::int64_t in, std::int64_t out, double of_matrix) {
    return {layout.add(name + ".weight", {in, out}, of_matrix), layout.add(name + ".bias", {out}, 0)};
  }
  NormOf<Location> norm(const std::string& name, std::int64_t width) {
    return {layout.add(name + ".weight", {width}, 0, 1), layout.add(name + ".bias", {width}, 0)};
  }

  void operator()(const BlockPart& part, std::string_view name, NormOf<Location>& to) {
    to = norm(at + std::string(name), part.out);
  }
  void operator()(const BlockPart& part, std::string_view name, LinearOf<Location, Location>& to) {
    const bool residual = part.role == Role::attention_out || part.role == Role::mlp_out;
    const double blocks = static_cast<double>(layout.config().blocks);
    if (part.role == Role::query) fused = linear(at + std::string(names.qkv), part.in, 3 * part.out, deviation);
    if (part.role == Role::query || part.role == Role::key || part.role == Role::value) {
      to = fused;
      fused.weight.offset += part.out, fused.bias.offset += part.out;
      return;
    }
    to = linear(at + std::string(name), part.in, part.out, residual ? deviation / std::sqrt(2 * blocks) : deviation);
  }
  template <class... Other>
  void operator()(const Other&...) const {}  // a GPT-2 has no more

  LinearOf<Location, Location> fused{};
};

Layout::Layout(const Config& c) : blocks(static_cast<std::size_t>(c.blocks)), config_(c) {
  const Names names = gpt2_names();
  const std::string root(names.root);
  wte = add(root + std::string(names.wte) + ".weight", {c.vocab, c.width}, deviation);
  wpe = add(root + std::string(names.wpe) + ".weight", {c.context, c.width}, deviation);
  for (std::size_t l = 0; l < blocks.size(); ++l) {
    visit(c, c.layers[l], BlockLayout{*this, names, root + fmt::format(fmt::runtime(names.block), l)}, names,
          blocks[l]);
  }
  ln_final = BlockLayout{*this, names, ""}.norm(root + std::string(names.ln_final), c.width);
}

void initialise(const Layout& layout, std::uint64_t seed, float* buffer) {
  Random random(seed);
  std::fill(buffer, buffer + layout.floats(), 0.0f);
  for (const Parameter& p : layout.parameters()) {
    for (float& value : std::span(buffer + p.offset, static_cast<std::size_t>(p.size())))
      value = p.deviation > 0 ? static_cast<float>(p.deviation * random.normal()) : p.initial;
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

namespace {

/// Copies the parameters of one block of a model to where the layout has them.
struct BlockCopy {
  float* buffer;
  void operator()(const BlockPart&, const Linear& from, const LinearOf<Location, Location>& to) const {
    load_columns(from.weight, buffer + to.weight.offset, to.weight.columns);
    load_vector(from.bias, buffer + to.bias.offset);
  }
  void operator()(const BlockPart&, const Norm& from, const NormOf<Location>& to) const {
    load_vector(from.gain, buffer + to.gain.offset), load_vector(from.bias, buffer + to.bias.offset);
  }
  template <class... Other>
  void operator()(const Other&...) const {}
};

}  // namespace

void load(const Layout& layout, const Model& model, float* buffer) {
  const Config& c = model.config();
  refuse_untrainable(c);
  const Weights& w = model.weights();
  if (w.blocks[0].q.bias.empty())
    throw Error(Code::unsupported, "training", "a model whose queries have no bias: GPT-2 models are trained");
  for (std::int64_t v = 0; v < c.vocab; ++v) w.wte.row(v, buffer + layout.wte.offset + v * c.width);
  for (std::int64_t t = 0; t < c.context; ++t) w.wpe.row(t, buffer + layout.wpe.offset + t * c.width);
  const BlockCopy copy{buffer};
  for (std::size_t l = 0; l < w.blocks.size(); ++l) visit(c, c.layers[l], copy, w.blocks[l], layout.blocks[l]);
  copy({}, w.ln_final, layout.ln_final);
}

}  // namespace embscope
