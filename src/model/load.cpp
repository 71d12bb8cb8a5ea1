// Weights by the names that a family's files have for them.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/threads.h"
#include "model/block.h"
#include "model/family.h"

namespace embscope {
namespace {

class Loader {
 public:
  Loader(Config& config, const Names& names, const Tensors& tensors)
      : c_(config), n_(names), t_(tensors), root_(names.root), head_(names.head) {
    for (const auto& [root, head] : places()) {
      if (!is_here(root)) continue;
      root_ = root, head_ = head;
      return;
    }
  }

  Weights load() {
    Weights w;
    w.wte = t_.matrix(weight(root_ + std::string(n_.wte)), c_.vocab, n_.projected > 0 ? n_.projected : c_.width);
    if (!n_.wpe.empty()) w.wpe = positions();
    if (n_.sinusoidal != Sinusoidal::none) w.wpe = sinusoidal();
    w.unembed = unembedding(c_, w.wte, t_, weight(head_));
    if (n_.projected > 0) project(w);
    if (n_.unit_head) w.unembed = of_unit_rows(w.unembed);
    if (n_.head_bias) w.unembed_bias = t_.vector(bias(head_), c_.vocab);
    if (!n_.embedding_norm.empty())
      w.embedding_norm = norm(root_ + std::string(n_.embedding_norm), c_.width, n_.norm_bias);
    if (c_.per_layer.width > 0) w.per_layer = per_layer_rows();
    for (std::int64_t l = 0; l < c_.blocks; ++l) {
      Layer& layer = c_.layers[static_cast<std::size_t>(l)];
      l_ = l;
      const std::string at = root_ + fmt::format(fmt::runtime(n_.block), l);
      w.blocks.push_back(block(at, layer));
      if (!n_.xielu.empty()) layer.xielu = xielu(at + std::string(n_.xielu));
      if (!n_.out_scale.empty()) layer.out_scale = number(at + std::string(n_.out_scale), {1});
    }
    for (const char* factors : {"rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"}) {
      // of GGUF; the Config has them already
      if (t_.has(factors) && !c_.ropes.empty())
        t_.at(factors, {static_cast<std::int64_t>(c_.ropes[0].frequencies.size())});
    }
    if (c_.final_norm) w.ln_final = norm(root_ + std::string(n_.ln_final), c_.width, n_.norm_bias);
    w.made = std::move(made_);
    return w;
  }

 private:
  static std::string weight(std::string_view name) { return std::string(name) + ".weight"; }
  static std::string bias(std::string_view name) { return std::string(name) + ".bias"; }

  // Where root and head may be: less of the root in a model that was saved without its head, more of it in one that was
  // compiled (torch.compile), trained on several machines, or is part of a model of texts and images.
  std::vector<std::pair<std::string, std::string>> places() const {
    const std::string root(n_.root), head(n_.head);
    std::vector<std::pair<std::string, std::string>> list = {{root, head}};
    for (const char* around : {"_orig_mod.", "module.", "language_model."})
      list.emplace_back(around + root, around + head);
    if (root.starts_with("model.")) list.emplace_back("model.language_model." + root.substr(6), head);
    for (std::string less = root; !less.empty();) {
      less = less.substr(less.find('.') + 1);
      list.emplace_back(less, head), list.emplace_back("_orig_mod." + less, "_orig_mod." + head);
    }
    return list;
  }

  bool is_here(const std::string& root) const {
    return t_.has(weight(root + std::string(n_.wte))) || t_.has(weight(root + std::string(n_.ln_final)));
  }

  Matrix positions() const {
    Matrix m = t_.matrix(weight(root_ + std::string(n_.wpe)), c_.context + n_.first_position, c_.width);
    m.first = n_.first_position, m.out = c_.context;
    return m;
  }

  // In the steps and roundings of fairseq's SinusoidalPositionalEmbedding.
  Matrix sinusoidal() const {
    const std::int64_t half = c_.width / 2;
    Tensor rows = Tensor::uninitialised({c_.context, c_.width});
    const std::int64_t steps = n_.sinusoidal == Sinusoidal::fairseq ? half - 1 : half;
    const auto step = static_cast<float>(std::log(10000.0) / static_cast<double>(steps));
    for (std::int64_t t = 0; t < c_.context; ++t) {
      for (std::int64_t i = 0; i < half; ++i) {
        const float angle = static_cast<float>(t + n_.first_position) * std::exp(static_cast<float>(i) * -step);
        float* row = rows.row(t).data();
        row[i] = std::sin(angle), row[half + i] = std::cos(angle);
      }
    }
    return {made(std::move(rows)), c_.context, c_.width};
  }

  // Rows in the width of the model, in memory of our own: those that meet its vectors.
  void project(Weights& w) const {
    const std::int64_t narrow = n_.projected, wide = c_.width;
    const Matrix in = t_.matrix(weight(root_ + std::string(n_.projection_in)), wide, narrow),
                 out = t_.matrix(weight(root_ + std::string(n_.projection_out)), narrow, wide);
    Tensor inward = Tensor::uninitialised({narrow, wide}), outward = Tensor::uninitialised({narrow, wide}),
           column = Tensor::uninitialised({narrow});
    for (std::int64_t j = 0; j < wide; ++j) {
      in.row(j, column.data());
      for (std::int64_t i = 0; i < narrow; ++i) inward.data()[i * wide + j] = column.data()[i];
    }
    for (std::int64_t i = 0; i < narrow; ++i) out.row(i, outward.row(i).data());
    w.wte = through(w.wte, inward), w.unembed = through(w.unembed, outward);
    c_.tied = false;
  }

  // rows [V, narrow] times map [narrow, wide]
  Matrix through(const Matrix& rows, const Tensor& map) const {
    Tensor made_rows({rows.out, map.columns()});
    parallel_for(rows.out, 64, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> row(static_cast<std::size_t>(rows.in));
      for (std::int64_t j = begin; j < end; ++j) {
        rows.row(j, row.data());
        float* to = made_rows.row(j).data();
        for (std::int64_t i = 0; i < rows.in; ++i) {
          const float* from = map.row(i).data();
          const float factor = row[static_cast<std::size_t>(i)];
          for (std::int64_t k = 0; k < map.columns(); ++k) to[k] += factor * from[k];
        }
      }
    });
    return {made(std::move(made_rows)), rows.out, map.columns()};
  }

  // Each row divided by its length (Baichuan 2's NormHead), in memory of our own.
  Matrix of_unit_rows(const Matrix& from) const {
    Tensor rows = Tensor::uninitialised({from.out, from.in});
    parallel_for(from.out, 64, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t j = begin; j < end; ++j) {
        double squares = 0;
        from.row(j, rows.row(j).data());
        for (float x : rows.row(j)) squares += static_cast<double>(x) * x;
        const auto length = static_cast<float>(std::max(std::sqrt(squares), 1e-12));
        for (float& x : rows.row(j)) x /= length;
      }
    });
    c_.tied = false;
    return {made(std::move(rows)), from.out, from.in};
  }

  // A view of values that are not a tensor of the file.
  View made(Tensor values) const {
    made_.push_back(std::make_shared<const Tensor>(std::move(values)));
    const Tensor& kept = *made_.back();
    return {reinterpret_cast<const std::byte*>(kept.data()), DType::f32, kept.shape()};
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
  Linear fused(std::int64_t first, std::int64_t run, std::int64_t count) const {
    const std::string name = at_ + std::string(n_.qkv);
    const std::int64_t total = (c_.heads + 2 * layer().kv_heads) * layer().head_width,
                       apart = total / (n_.fused == Fused::in_quarters ? 4 : layer().kv_heads);
    Linear to{n_.input_major ? t_.input_major(weight(name), count, c_.width, first, total)
                             : t_.matrix(weight(name), total, c_.width),
              maybe(n_.qkv_bias, name, total)};
    to.weight.first = first, to.weight.out = count;
    to.bias.first = first, to.bias.count = to.bias.empty() ? 0 : count;
    if (n_.fused != Fused::stacked) to.weight.run = to.bias.run = run, to.weight.stride = to.bias.stride = apart;
    return to;
  }

  void queries_keys_values(BlockWeights& b) const {
    const std::int64_t width = layer().head_width, q = c_.heads * width, kv = layer().kv_heads * width,
                       group = q / layer().kv_heads;
    if (n_.fused == Fused::in_quarters) {
      const std::int64_t run = q / 4;
      b.q = fused(0, run, q), b.v = fused(run, run, q), b.k = fused(2 * run, run, q);
      return;
    }
    const bool sorted = n_.fused == Fused::by_heads;
    b.q = fused(0, group, q);
    b.k = fused(sorted ? group : q, width, kv);
    b.v = fused(sorted ? group + width : q + kv, width, kv);
  }

  // A token's row has a part [P] for each block: they are rows of their own.
  Matrix per_layer_rows() const {
    const std::int64_t p = c_.per_layer.width, rows = c_.vocab * c_.blocks;
    const std::string name = weight(root_ + std::string(n_.per_layer));
    const View& all = t_.at(name, {c_.vocab, c_.blocks * p});
    if (p % block_size(all.dtype) != 0)
      throw Error(Code::unsupported, name,
                  fmt::format("per-layer vectors of {} values in blocks of {}", p, block_size(all.dtype)));
    return {{all.data, all.dtype, {rows, p}}, rows, p};
  }

  // The rows of this block, of a matrix of all.
  Matrix per_layer_in(std::string_view name) const {
    const std::int64_t p = c_.per_layer.width;
    const View& all = t_.at(weight(root_ + std::string(name)), {c_.blocks * p, c_.width});
    return {{all.data + l_ * p * all.row_bytes(), all.dtype, {p, c_.width}}, p, c_.width};
  }

  // [K] for all heads, [H*K] over all of them, or as it is kept: [H, K], one gain a head.
  Norm qk_norm(std::string_view name, std::int64_t heads, std::int64_t width) const {
    const std::string full = at_ + std::string(name);
    if (name.ends_with("{}")) {  // a tensor for each head
      Tensor gains = Tensor::uninitialised({heads * width});
      for (std::int64_t h = 0; h < heads; ++h) {
        const Tensor own = t_.vector(weight(fmt::format(fmt::runtime(full), h)), width).values();
        std::ranges::copy(own.values(), gains.data() + h * width);
      }
      return {Vector{made(std::move(gains)), 0, heads * width}, {}};
    }
    if (c_.qk_norm == QkNorm::together) return norm(full, heads * width, false);
    const View* view = t_.find(weight(full));
    if (view != nullptr && view->shape.rank() == 2) {
      t_.at(weight(full), {heads, width});
      return {Vector{{view->data, view->dtype, {heads * width}}, 0, heads * width}, {}};
    }
    return norm(full, width, n_.qk_bias);
  }

  float number(const std::string& name, const Shape& shape) const { return *decode(t_.at(name, shape)).data(); }

  Xielu xielu(const std::string& at) const {
    return xielu_of(number(at + ".alpha_p", {1}), number(at + ".alpha_n", {1}), number(at + ".beta", Shape()),
                    number(at + ".eps", Shape()));
  }

  // [2F, ...] whose first half is the gate's.
  static void halve(Linear& gate, Linear& up, std::int64_t f) {
    gate.weight.out = up.weight.out = up.weight.first = f;
    if (!gate.bias.empty()) gate.bias.count = up.bias.count = up.bias.first = f;
  }

  Expert expert(const std::string& at, const ExpertNames& n, std::int64_t f, std::int64_t index = 0) const {
    auto full = [&](std::string_view name) { return at + fmt::format(fmt::runtime(name), index); };
    auto bias_of = [&](std::string_view name, std::int64_t count) {
      return n.biases ? t_.vector(bias(full(name)), count) : Vector{};
    };
    auto of = [&](std::string_view name, std::int64_t out, std::int64_t in) {
      return t_.matrix(weight(full(name)), out, in);
    };
    return {{of(n.gate, f, c_.width), bias_of(n.gate, f)},
            {of(n.up, f, c_.width), bias_of(n.up, f)},
            {of(n.down, c_.width, f), bias_of(n.down, c_.width)}};
  }

  // gpt-oss keeps its experts in MXFP4 as two tensors of bytes, NAME_blocks [E, out, in / 32, 16] with two values
  // beside each other in a byte, and NAME_scales [E, out, in / 32]. They become the blocks of ggml, of which a byte has
  // values i and i + 16: [E, out, in] in memory of our own, of the tensors' size.
  View from_mxfp4(const std::string& name, std::int64_t out, std::int64_t in) const {
    const std::int64_t e = c_.experts.count, blocks = in / 32;
    if (in % 32 != 0)
      throw Error(Code::shape, name, fmt::format("{} values of a row do not divide into blocks of 32", in));
    const std::byte* values = t_.bytes(name + "_blocks", {e, out, blocks, 16}).data;
    const std::byte* scales = t_.bytes(name + "_scales", {e, out, blocks}).data;
    const std::int64_t count = e * out * blocks, size = block_bytes(DType::mxfp4);
    Tensor memory = Tensor::uninitialised({(count * size + 3) / 4});
    auto* to = reinterpret_cast<std::byte*>(memory.data());
    parallel_for(count, 4096, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::byte* from = values + i * 16;
        std::byte* block = to + i * size;
        auto value = [&](int k) { return k % 2 == 0 ? from[k / 2] & std::byte{15} : from[k / 2] >> 4; };
        block[0] = scales[i];
        for (int k = 0; k < 16; ++k) block[1 + k] = value(k) | value(k + 16) << 4;
      }
    });
    made_.push_back(std::make_shared<const Tensor>(std::move(memory)));
    return {to, DType::mxfp4, {e, out, in}};
  }

  Expert expert_from_mxfp4(const std::string& at, const ExpertNames& n, std::int64_t index, const View& gate_up,
                           const View& down) const {
    const std::int64_t e = c_.experts.count, f = c_.experts.width, d = c_.width;
    auto part = [index](const View& all) {
      const std::int64_t rows = all.shape[1];
      return Matrix{{all.data + index * rows * all.row_bytes(), all.dtype, {rows, all.shape[2]}}, rows, all.shape[2]};
    };
    Expert x;
    x.gate = {part(gate_up), t_.vector_of(at + std::string(n.gate_up_of_all) + "_bias", index, e, 2 * f)};
    x.down = {part(down), t_.vector_of(at + std::string(n.down_of_all) + "_bias", index, e, d)};
    return x;
  }

  // One of E matrices [F, D] that are one below the other; `down` is stored by its inputs.
  Expert expert_below_others(const std::string& at, const ExpertNames& n, std::int64_t index) const {
    const std::int64_t e = c_.experts.count, f = c_.experts.width, d = c_.width;
    auto part = [&](std::string_view name) {
      const View& all = t_.at(at + std::string(name), {e * f, d});
      if (block_size(all.dtype) != 1 && name == n.down_of_all)
        throw Error(Code::unsupported, std::string(name), "a transposed tensor in a block format");
      return View{all.data + index * f * all.row_bytes(), all.dtype, {f, d}};
    };
    Expert x;
    x.gate.weight = {part(n.gate_of_all), f, d}, x.up.weight = {part(n.up_of_all), f, d};
    x.down.weight = {part(n.down_of_all), d, f, true};
    return x;
  }

  Expert expert_of_all(const std::string& at, const ExpertNames& n, std::int64_t index) const {
    if (n.below_each_other) return expert_below_others(at, n, index);
    const std::int64_t e = c_.experts.count, f = c_.experts.width, d = c_.width;
    auto of = [&](std::string_view name, std::int64_t out, std::int64_t in) {
      const std::string full = at + std::string(name);
      const std::string_view stem = name.substr(0, name.size() - (name.ends_with(".weight") ? 7 : 0));
      return Linear{
          n.input_major ? t_.input_major_of(full, index, e, out, in) : t_.matrix_of(full, index, e, out, in),
          n.biases ? t_.vector_of(at + std::string(stem) + std::string(n.bias_of_all), index, e, out) : Vector{}};
    };
    Expert x;
    x.down = of(n.down_of_all, d, f);
    if (n.gate_up_of_all.empty()) {
      x.gate = of(n.gate_of_all, f, d), x.up = of(n.up_of_all, f, d);
      return x;
    }
    x.gate = of(n.gate_up_of_all, 2 * f, d);
    if (n.in_turn) return x;
    x.up = x.gate;
    halve(x.gate, x.up, f);
    return x;
  }

  // What the router reads is divided by the root of the width too: both factors are its norm's gain here.
  void norms_beside(const std::string& at, const ExpertNames& n, ExpertWeights& w) const {
    auto of = [&](std::string_view name) { return norm(at + std::string(name), c_.width, false); };
    w.ln = of(n.ln), w.ln_post = of(n.ln_post), w.mlp_post = of(n.mlp_post);
    Tensor gains = t_.vector(at + std::string(n.router_gains), c_.width).values();
    for (float& gain : gains.values()) gain /= std::sqrt(static_cast<float>(c_.width));
    w.router_ln.gain = {made(std::move(gains)), 0, c_.width};
  }

  ExpertWeights experts(const std::string& at) const {
    const bool other = !n_.other_experts.router.empty() && t_.has(weight(at + std::string(n_.other_experts.router)));
    const ExpertNames& n = other ? n_.other_experts : n_.experts;
    const std::int64_t e = c_.experts.count, shared = c_.experts.shared_width;
    const std::string router = at + std::string(n.router);
    ExpertWeights w;
    w.router.weight = t_.matrix(weight(router), e, c_.width);
    if (n.router_bias) w.router.bias = t_.vector(bias(router), e);
    if (!n.correction.empty()) w.correction = vector(at + std::string(n.correction), e);
    if (!n.scales.empty()) w.scales = vector(at + std::string(n.scales), e);
    if (c_.experts.beside) norms_beside(at, n, w);
    if (n.in_turn && t_.has(at + std::string(n.down_of_all) + "_blocks")) {
      const View gate_up = from_mxfp4(at + std::string(n.gate_up_of_all), 2 * c_.experts.width, c_.width);
      const View down = from_mxfp4(at + std::string(n.down_of_all), c_.width, c_.experts.width);
      for (std::int64_t i = 0; i < e; ++i) w.each.push_back(expert_from_mxfp4(at, n, i, gate_up, down));
      return w;
    }
    const bool of_each = !n.each.empty() || t_.has(weight(at + fmt::format(fmt::runtime(n.gate), 0)));
    const bool of_all = !of_each || t_.has(at + std::string(n.down_of_all));
    for (std::int64_t i = 0; i < e; ++i)
      w.each.push_back(of_all ? expert_of_all(at, n, i)
                              : expert(at + fmt::format(fmt::runtime(n.each), i), n, c_.experts.width, i));
    if (shared == 0) return w;
    const std::string beside = at + std::string(n.shared);
    if (n.shared_gate_up.empty()) {
      ExpertNames plain;
      plain.gate = n.shared_gate, plain.up = n.shared_up, plain.down = n.shared_down;
      w.shared = expert(beside, plain, shared);
    } else {
      w.shared.gate.weight = t_.matrix(weight(beside + std::string(n.shared_gate_up)), 2 * shared, c_.width);
      w.shared.up = w.shared.gate;
      halve(w.shared.gate, w.shared.up, shared);
      w.shared.down.weight = t_.matrix(weight(beside + std::string(n.shared_down)), c_.width, shared);
    }
    if (!n.shared_factor.empty()) w.shared_gate.weight = one_row(weight(at + std::string(n.shared_factor)));
    return w;
  }

  // [1, D], or [D] as GGUF has it.
  Matrix one_row(const std::string& name) const {
    const View* view = t_.find(name);
    if (view == nullptr || view->shape.rank() != 1) return t_.matrix(name, 1, c_.width);
    const View& row = t_.at(name, {c_.width});
    return {{row.data, row.dtype, {1, c_.width}}, 1, c_.width};
  }

  // [count], or [1, count] as ERNIE has it.
  Vector vector(const std::string& name, std::int64_t count) const {
    const View* view = t_.find(name);
    return view != nullptr && view->shape.rank() == 2 ? t_.vector_of(name, 0, 1, count) : t_.vector(name, count);
  }

  // Of each head its own part of a key, and then its value: keys and values are made of one tensor.
  void keys_values_of_latent(BlockWeights& b) const {
    const std::int64_t own = layer().head_width - c_.latents.turned, both = own + layer().value_width;
    Matrix& k = b.k.weight;
    Matrix& v = b.v.weight;
    k = v = t_.matrix(weight(at_ + std::string(n_.kv)), c_.heads * both, c_.latents.rank);
    k.out = c_.heads * own, k.run = own, k.stride = both;
    v.out = c_.heads * layer().value_width, v.run = layer().value_width, v.stride = both, v.first = own;
  }

  bool keys_apart() const { return !n_.k_of_latent.empty() && t_.has(weight(at_ + std::string(n_.k_of_latent))); }

  // Keys of each head are kept transposed (llama.cpp multiplies queries by them): [H, rank, own] -> [H*own, rank].
  void keys_values_apart(BlockWeights& b) const {
    const std::int64_t heads = c_.heads, rank = c_.latents.rank, own = layer().head_width - c_.latents.turned;
    const Tensor stored = decode(t_.at(weight(at_ + std::string(n_.k_of_latent)), {heads, rank, own}));
    Tensor keys = Tensor::uninitialised({heads * own, rank});
    parallel_for(heads, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t h = begin; h < end; ++h) {
        for (std::int64_t i = 0; i < rank * own; ++i)
          keys.data()[(h * own + i % own) * rank + i / own] = stored.data()[h * rank * own + i];
      }
    });
    b.k.weight = {made(std::move(keys)), heads * own, rank};
    const std::int64_t rows = heads * layer().value_width;
    const View& values = t_.at(weight(at_ + std::string(n_.v_of_latent)), {heads, layer().value_width, rank});
    b.v.weight = {{values.data, values.dtype, {rows, rank}}, rows, rank};
  }

  void gate_up(BlockWeights& b) const {
    b.gate.weight = t_.matrix(weight(at_ + std::string(n_.gate_up)), 2 * layer().mlp_width, c_.width);
    b.up = b.gate;
    halve(b.gate, b.up, layer().mlp_width);
  }

  bool biased(Role role) const {
    switch (role) {
      case Role::query:
      case Role::key:
      case Role::value: return n_.qkv_bias;
      case Role::attention_out: return n_.o_bias;
      case Role::mlp_in:
      case Role::mlp_out: return n_.mlp_bias;
      default: return false;
    }
  }

  // Each parameter that has a tensor of its own.
  void read(const BlockPart& part, std::string_view name, Norm& to) const {
    if (name.empty()) return;
    if (part.role == Role::head_norm)
      to = qk_norm(name, part.out / layer().head_width, layer().head_width);
    else if (part.role == Role::per_layer_norm)
      to = norm(root_ + std::string(name), part.out, false);
    else
      to = norm(at_ + std::string(name), part.out, part.role == Role::norm && n_.norm_bias);
  }
  void read(const BlockPart& part, std::string_view name, Vector& to) const {
    to = t_.vector(at_ + std::string(name), part.out);
  }
  void read(const BlockPart& part, std::string_view name, Linear& to) const {
    const bool latent = c_.latents.rank > 0, turned = part.role == Role::query || part.role == Role::key,
               of_heads = turned || part.role == Role::value;
    const bool shares = of_heads ? (latent ? part.role != Role::query : n_.fused != Fused::none)
                                 : part.role == Role::mlp_in && !n_.gate_up.empty();
    if (shares) return;
    if (part.role == Role::per_layer_in) return (void)(to.weight = per_layer_in(name));
    const std::string full = at_ + std::string(name);
    to.weight = matrix(full, part.out, part.in);
    if (latent && of_heads) return;
    to.bias = maybe(biased(part.role), full, part.out);
    if (turned && n_.interleaved) to.weight.rotary_heads = to.bias.rotary_heads = part.out / layer().head_width;
  }
  void read(const ExpertNames&, ExpertWeights& to) const { to = experts(at_); }

  BlockWeights block(const std::string& at, const Layer& layer) {
    at_ = at;
    if (layer.keys_of >= 0) ignore_keys();
    BlockWeights b;
    visit(
        c_, layer, [&](auto&&... of_part) { read(of_part...); }, n_, b);
    if (c_.latents.rank > 0)
      keys_apart() ? keys_values_apart(b) : keys_values_of_latent(b);
    else if (n_.fused != Fused::none)
      queries_keys_values(b);
    if (has_mlp(c_, layer) && !n_.gate_up.empty()) gate_up(b);
    return b;
  }

  // Files may have keys and values of blocks that read those of another one: nobody does.
  void ignore_keys() const {
    for (std::string_view name : {n_.k, n_.v, n_.k_norm}) {
      for (const std::string& tensor : {weight(at_ + std::string(name)), bias(at_ + std::string(name))})
        t_.ignore(tensor);
    }
    t_.ignore(at_ + "self_attn.v_norm.weight");
  }

  const Layer& layer() const { return c_.layers[static_cast<std::size_t>(l_)]; }

  Config& c_;
  const Names& n_;
  const Tensors& t_;
  std::string root_, head_, at_;  ///< of all, of the unembedding, of the block at work
  std::int64_t l_ = 0;            ///< the block at work
  mutable std::vector<std::shared_ptr<const Tensor>> made_;
};

}  // namespace

namespace {

// Where transformers 5 calls a module otherwise than the file calls its tensors, both names are known.
void name_experts(Config& config, const Names& n) {
  const std::string block = std::string(n.root) + std::string(n.block);
  auto named = [&](std::string_view own, std::string_view other) {
    return block + std::string(own) + (other.empty() ? "" : " " + block + std::string(other));
  };
  if (!config.experts.of_input)  // else the module gives weights first
    config.modules["router.logits"] = named(n.experts.router, n.other_experts.router);
  if (!n.other_experts.router.empty() && config.modules.contains("mlp_out"))
    config.modules["mlp_out"] = named(n.mlp, Names().mlp);
  if (n.experts.shared_factor.empty() && !n.experts.shared.empty())
    config.modules["experts.shared"] = named(n.experts.shared.substr(0, n.experts.shared.size() - 1), "");
}

}  // namespace

namespace {

// The pass names gains and biases that are NaN; these numbers it only uses.
void refuse_numbers_of_nan(const Config& config) {
  for (std::size_t l = 0; l < config.layers.size(); ++l) {
    const Xielu& x = config.layers[l].xielu;
    if (!std::isfinite(x.p + x.n + x.beta + x.epsilon))
      throw Error(Code::format, config.family, fmt::format("block {}: xIELU's numbers are NaN or infinite", l));
    if (!std::isfinite(config.layers[l].out_scale))
      throw Error(Code::format, config.family, fmt::format("block {}: its output's scale is NaN or infinite", l));
  }
}

}  // namespace

Weights load_weights(Config& config, const Names& n, const Tensors& tensors) {
  complete_layers(config);
  Weights weights = Loader(config, n, tensors).load();
  refuse_numbers_of_nan(config);
  if (n.in_site_table) return weights;
  auto name = [&](const char* site, std::string_view module, bool in_block = true) {
    if (!module.empty())
      config.modules[site] = std::string(n.root) + (in_block ? std::string(n.block) : "") + std::string(module);
  };
  name("wte", n.projected > 0 ? n.projection_in : n.wte, false), name("wpe", n.wpe, false);
  if (config.final_norm) name("ln_final", n.ln_final, false);
  config.modules["logits"] = std::string(n.head);
  config.modules["resid_post"] = std::string(n.root) + std::string(n.block.substr(0, n.block.size() - 1));
  if (config.norm_sums) {
    name("resid_mid", n.ln1_post);
    config.modules["resid_post"] += " " + std::string(n.root) + std::string(n.block) + std::string(n.ln2_post);
  }
  if (config.norm_before) name("ln1", n.ln1);
  if (config.norm_before && !config.one_norm) name("ln2", n.ln2);
  if (n.fused == Fused::none && config.latents.rank > 0) name("q", n.q);
  if (n.fused == Fused::none && config.latents.rank == 0) name("q", n.q), name("k", n.k), name("v", n.v);
  if (config.qk_norm != QkNorm::none) name("normed_q", n.q_norm), name("normed_k", n.k_norm);
  if (config.v_norm) name("normed_v", "self_attn.v_norm");
  name("per_layer_gate", n.per_layer_gate), name("per_layer_out", n.per_layer_post);
  if (config.residual_scale == 1)
    name("attn_out", config.norm_after ? n.ln1_post : n.attention),
        name("mlp_out", config.norm_after ? n.ln2_post : n.mlp);
  if (config.experts.count > 0) name_experts(config, n);
  if (n.gate_up.empty()) name("mlp_pre", config.gated_mlp ? n.gate : n.up);
  if (config.gated_mlp && n.gate_up.empty()) name("mlp_up", n.up);
  return weights;
}

}  // namespace embscope
