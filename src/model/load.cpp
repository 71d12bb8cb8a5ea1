// Weights by the names that a family's files have for them.
#include <fmt/format.h>

#include "model/family.h"

namespace embscope {
namespace {

class Loader {
 public:
  Loader(Config& config, const Names& names, const Tensors& tensors)
      : c_(config), n_(names), t_(tensors), root_(names.root) {
    while (!root_.empty() && !is_here(root_)) root_ = root_.substr(root_.find('.') + 1);
    if (!is_here(root_)) root_ = names.root;  // the error then names what is expected
  }

  Weights load() {
    Weights w;
    w.wte = t_.matrix(weight(root_ + std::string(n_.wte)), c_.vocab, c_.width);
    if (!n_.wpe.empty()) w.wpe = positions();
    w.unembed = unembedding(c_, w.wte, t_, weight(n_.head));
    if (n_.head_bias) w.unembed_bias = t_.vector(bias(n_.head), c_.vocab);
    if (!n_.embedding_norm.empty())
      w.embedding_norm = norm(root_ + std::string(n_.embedding_norm), c_.width, n_.norm_bias);
    for (std::int64_t l = 0; l < c_.blocks; ++l)
      w.blocks.push_back(block(root_ + fmt::format(fmt::runtime(n_.block), l)));
    constexpr const char* factors = "rope_freqs.weight";  // of GGUF; the Config has them already
    if (t_.has(factors) && !c_.ropes.empty())
      t_.at(factors, {static_cast<std::int64_t>(c_.ropes[0].frequencies.size())});
    w.ln_final = norm(root_ + std::string(n_.ln_final), c_.width, n_.norm_bias);
    return w;
  }

 private:
  static std::string weight(std::string_view name) { return std::string(name) + ".weight"; }
  static std::string bias(std::string_view name) { return std::string(name) + ".bias"; }

  // A model that was saved without its head, or inside another one, has less of a root.
  bool is_here(const std::string& root) const {
    return t_.has(weight(root + std::string(n_.wte))) || t_.has(weight(root + std::string(n_.ln_final)));
  }

  Matrix positions() const {
    Matrix m = t_.matrix(weight(root_ + std::string(n_.wpe)), c_.context + n_.first_position, c_.width);
    m.first = n_.first_position, m.out = c_.context;
    return m;
  }

  Norm norm(const std::string& name, std::int64_t count, bool has_bias) const {
    if (!n_.norm_gain) return {};
    Norm norm{t_.vector(weight(name), count), has_bias ? t_.vector(bias(name), count) : Vector{}};
    norm.gain.plus = n_.norm_plus;
    return norm;
  }

  Matrix matrix(const std::string& name, std::int64_t out, std::int64_t in) const {
    return n_.input_major ? t_.input_major(weight(name), out, in, 0, out) : t_.matrix(weight(name), out, in);
  }

  Vector maybe(bool there, const std::string& name, std::int64_t count) const {
    if (n_.optional_biases) return t_.optional_vector(bias(name), count);
    return there ? t_.vector(bias(name), count) : Vector{};
  }

  // One of the three parts of a fused tensor: where it begins in a run, and how long its runs are.
  struct Part {
    std::int64_t first, run, count;
  };
  void fused_part(const std::string& name, Part part, Matrix& m, Vector& b) const {
    const std::int64_t total = (c_.heads + 2 * c_.kv_heads) * c_.head_width, apart = total / c_.kv_heads;
    const bool sorted = n_.fused == Fused::by_heads;
    m = n_.input_major ? t_.input_major(weight(name), part.count, c_.width, part.first, total)
                       : t_.matrix(weight(name), total, c_.width);
    m.first = part.first, m.out = part.count;
    b = maybe(n_.qkv_bias, name, total);
    b.first = part.first, b.count = b.view.empty() ? 0 : part.count;
    if (sorted) m.run = b.run = part.run, m.stride = b.stride = apart;
  }

  void queries_keys_values(const std::string& at, BlockWeights& b) const {
    const std::int64_t width = c_.head_width, q = c_.heads * width, kv = c_.kv_heads * width, group = q / c_.kv_heads;
    if (n_.fused == Fused::none) {
      b.q = matrix(at + std::string(n_.q), q, c_.width), b.q_bias = maybe(n_.qkv_bias, at + std::string(n_.q), q);
      b.k = matrix(at + std::string(n_.k), kv, c_.width), b.k_bias = maybe(n_.qkv_bias, at + std::string(n_.k), kv);
      b.v = matrix(at + std::string(n_.v), kv, c_.width), b.v_bias = maybe(n_.qkv_bias, at + std::string(n_.v), kv);
      if (n_.interleaved)
        b.q.rotary_heads = b.q_bias.rotary_heads = c_.heads, b.k.rotary_heads = b.k_bias.rotary_heads = c_.kv_heads;
      return;
    }
    const bool sorted = n_.fused == Fused::by_heads;
    const std::string name = at + std::string(n_.qkv);
    fused_part(name, {0, group, q}, b.q, b.q_bias);
    fused_part(name, {sorted ? group : q, width, kv}, b.k, b.k_bias);
    fused_part(name, {sorted ? group + width : q + kv, width, kv}, b.v, b.v_bias);
  }

  // [K] for all heads, [H*K] over all of them, or as it is kept: [H, K], one gain a head.
  Norm qk_norm(const std::string& at, std::string_view name, std::int64_t heads) const {
    if (name.empty()) return {};
    const std::string full = at + std::string(name);
    if (c_.qk_norm == QkNorm::together) return norm(full, heads * c_.head_width, false);
    const View* view = t_.find(weight(full));
    if (view != nullptr && view->shape.rank() == 2) {
      t_.at(weight(full), {heads, c_.head_width});
      return {Vector{{view->data, view->dtype, {heads * c_.head_width}}, 0, heads * c_.head_width}, {}};
    }
    return norm(full, c_.head_width, n_.qk_bias);
  }

  void mlp(const std::string& at, BlockWeights& b) const {
    const std::int64_t f = c_.mlp_width;
    if (!n_.gate_up.empty()) {  // the gate's rows first
      b.gate = b.up = t_.matrix(weight(at + std::string(n_.gate_up)), 2 * f, c_.width);
      b.gate.out = b.up.out = b.up.first = f;
    } else {
      if (c_.gated_mlp)
        b.gate = matrix(at + std::string(n_.gate), f, c_.width),
        b.gate_bias = maybe(n_.mlp_bias, at + std::string(n_.gate), f);
      b.up = matrix(at + std::string(n_.up), f, c_.width), b.up_bias = maybe(n_.mlp_bias, at + std::string(n_.up), f);
    }
    b.down = matrix(at + std::string(n_.down), c_.width, f),
    b.down_bias = maybe(n_.mlp_bias, at + std::string(n_.down), c_.width);
  }

  BlockWeights block(const std::string& at) const {
    BlockWeights b;
    auto named = [&](std::string_view name) {
      return name.empty() ? Norm{} : norm(at + std::string(name), c_.width, n_.norm_bias);
    };
    if (c_.norm_before) b.ln1 = named(n_.ln1);
    if (c_.norm_before && !c_.one_norm) b.ln2 = named(n_.ln2);
    if (c_.norm_after) b.ln1_post = named(n_.ln1_post), b.ln2_post = named(n_.ln2_post);
    queries_keys_values(at, b);
    if (c_.qk_norm != QkNorm::none)
      b.q_norm = qk_norm(at, n_.q_norm, c_.heads), b.k_norm = qk_norm(at, n_.k_norm, c_.kv_heads);
    b.o = matrix(at + std::string(n_.o), c_.width, c_.heads * c_.head_width),
    b.o_bias = maybe(n_.o_bias, at + std::string(n_.o), c_.width);
    mlp(at, b);
    return b;
  }

  Config& c_;
  const Names& n_;
  const Tensors& t_;
  std::string root_;
};

}  // namespace

Weights load_weights(Config& config, const Names& n, const Tensors& tensors) {
  Weights weights = Loader(config, n, tensors).load();
  if (n.in_site_table) return weights;
  auto name = [&](const char* site, std::string_view module, bool in_block = true) {
    if (!module.empty())
      config.modules[site] = std::string(n.root) + (in_block ? std::string(n.block) : "") + std::string(module);
  };
  name("wte", n.wte, false), name("wpe", n.wpe, false), name("ln_final", n.ln_final, false);
  config.modules["logits"] = std::string(n.head);
  config.modules["resid_post"] = std::string(n.root) + std::string(n.block.substr(0, n.block.size() - 1));
  if (config.norm_before) name("ln1", n.ln1);
  if (config.norm_before && !config.one_norm) name("ln2", n.ln2);
  if (n.fused == Fused::none) name("q", n.q), name("k", n.k), name("v", n.v);
  if (config.qk_norm != QkNorm::none) name("normed_q", n.q_norm), name("normed_k", n.k_norm);
  if (config.residual_scale == 1)
    name("attn_out", config.norm_after ? n.ln1_post : n.attention),
        name("mlp_out", config.norm_after ? n.ln2_post : n.mlp);
  if (n.gate_up.empty()) name("mlp_pre", config.gated_mlp ? n.gate : n.up);
  if (config.gated_mlp && n.gate_up.empty()) name("mlp_up", n.up);
  return weights;
}

}  // namespace embscope
