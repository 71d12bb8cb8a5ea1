#include "forward/weights.h"

#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/memory.h"
#include "kernels/vector.h"

namespace embscope {
namespace {

void refuse_unless_finite(bool finite, const Model& model, const std::string& name) {
  if (!finite) {
    throw Error(Code::format, model.path().filename().string(),
                fmt::format("{} holds NaN or infinite values: the file is damaged or its training diverged", name));
  }
}

// The matrix where it lies; `by_inputs` when it is read along its outputs.
std::shared_ptr<Stored> stored(const Matrix& m, const std::string& file, const std::string& name) {
  auto s = std::make_shared<Stored>();
  s->view = m.view;
  s->out = m.out, s->in = m.in;
  s->by_inputs = m.input_major;
  (m.input_major ? s->first_column : s->first_row) = m.first;
  if (!m.in_order()) {
    for (std::int64_t j = 0; j < m.out; ++j) s->order.push_back(m.stored_row(j));
  }
  s->file = file, s->name = name;
  if (!m.scales.empty()) {
    const Tensor scales = decode(m.scales);
    s->scales.assign(scales.values().begin(), scales.values().end());
    s->scale_rows = m.scale_rows, s->scale_columns = m.scale_columns;
  }
  return s;
}

Packed pack(const Matrix& m, const Model& model, const std::string& name) {
  if (m.empty()) return {};
  return Packed(stored(m, model.path().filename().string(), name));
}

Tensor values(const Vector& v, const Model& model, const std::string& name) {
  if (v.empty()) return {};
  Tensor decoded = v.values();
  refuse_unless_finite(all_finite(decoded.data(), decoded.size()), model, name);
  return decoded;
}

PackedNorm pack_norm(const Norm& n, const Model& model, const std::string& name) {
  return {values(n.gain, model, name + " gain"), values(n.bias, model, name + " bias")};
}

}  // namespace

namespace {

/// Packs what belongs to one block: errors name it.
struct BlockPacker {
  const Model& model;
  std::string where;

  Linear linear(const Matrix& m, const Vector& bias, const std::string& name) const {
    return {pack(m, model, where + name), values(bias, model, where + name + " bias")};
  }
  PackedNorm norm(const Norm& n, const char* name) const { return pack_norm(n, model, where + name); }
  PackedExpert expert(const Expert& e, const std::string& name) const {
    return {linear(e.gate, e.gate_bias, name + "gate"), linear(e.up, e.up_bias, name + "up"),
            linear(e.down, e.down_bias, name + "down")};
  }
  PackedExperts experts(const ExpertWeights& w) const {
    PackedExperts packed{linear(w.router, w.router_bias, "router"),
                         values(w.correction, model, where + "the router's correction"),
                         {},
                         expert(w.shared, "shared expert's "),
                         linear(w.shared_gate, {}, "shared expert's own gate")};
    for (std::size_t e = 0; e < w.each.size(); ++e)
      packed.each.push_back(expert(w.each[e], fmt::format("expert {}'s ", e)));
    return packed;
  }
};

}  // namespace

PackedBlock pack_block(const Model& model, std::size_t block) {
  const BlockWeights& b = model.weights().blocks[block];
  const BlockPacker pack{model, fmt::format("block {}: ", block)};
  PackedBlock p;
  p.ln1 = pack.norm(b.ln1, "ln1"), p.ln2 = pack.norm(b.ln2, "ln2");
  p.ln1_post = pack.norm(b.ln1_post, "ln1_post"), p.ln2_post = pack.norm(b.ln2_post, "ln2_post");
  p.q_norm = pack.norm(b.q_norm, "q_norm"), p.k_norm = pack.norm(b.k_norm, "k_norm");
  p.q_latent_norm = pack.norm(b.q_latent_norm, "q_latent norm"),
  p.kv_latent_norm = pack.norm(b.kv_latent_norm, "kv_latent norm");
  p.q_latent = pack.linear(b.q_latent, {}, "q_latent"), p.kv_latent = pack.linear(b.kv_latent, {}, "kv_latent");
  p.q = pack.linear(b.q, b.q_bias, "q"), p.k = pack.linear(b.k, b.k_bias, "k"), p.v = pack.linear(b.v, b.v_bias, "v");
  p.o = pack.linear(b.o, b.o_bias, "o"), p.gate = pack.linear(b.gate, b.gate_bias, "gate"),
  p.up = pack.linear(b.up, b.up_bias, "up");
  p.down = pack.linear(b.down, b.down_bias, "down");
  p.experts = pack.experts(b.experts);
  p.sinks = values(b.sinks, model, pack.where + "sinks");
  return p;
}

Packed pack_backward(const Matrix& m) {
  auto s = stored(m, "", "a matrix of the model");
  std::swap(s->out, s->in);
  s->by_inputs = !s->by_inputs;
  return Packed(std::move(s));
}

PackedNorm pack_final_norm(const Model& model) { return pack_norm(model.weights().ln_final, model, "ln_final"); }

PackedNorm pack_embedding_norm(const Model& model) {
  return pack_norm(model.weights().embedding_norm, model, "the embedding's norm");
}

Tensor unembedding_bias(const Model& model, const std::vector<TokenId>& tokens) {
  Tensor all = values(model.weights().unembed_bias, model, "the unembedding's bias");
  if (all.empty() || tokens.empty()) return all;
  Tensor some = Tensor::uninitialised({static_cast<std::int64_t>(tokens.size())});
  for (std::size_t i = 0; i < tokens.size(); ++i) some.values()[i] = all.values()[static_cast<std::size_t>(tokens[i])];
  return some;
}

Packed pack_unembedding(const Model& model, const std::vector<TokenId>& tokens) {
  const Matrix& m = model.weights().unembed;
  auto s = stored(m, model.path().filename().string(), "unembedding");
  s->out = static_cast<std::int64_t>(tokens.size());
  for (const TokenId token : tokens) s->order.push_back(m.stored_row(token));
  return Packed(std::move(s));
}

namespace {

std::uint64_t size_of(const Model& model) {
  std::uint64_t bytes = 0;
  for (const auto& archive : model.archives()) {
    for (const Archive::Entry& entry : archive->tensors()) bytes += static_cast<std::uint64_t>(entry.view.bytes());
  }
  return bytes;
}

template <class F>
void for_matrices(const BlockWeights& b, F&& body) {
  for (const Matrix* m : {&b.q_latent, &b.kv_latent, &b.q, &b.k, &b.v, &b.o, &b.gate, &b.up, &b.down}) {
    if (!m->empty()) body(m->view.data, static_cast<std::size_t>(m->view.bytes()));
  }
}

}  // namespace

PackedWeights::PackedWeights(const Model& model)
    : model_(model),
      larger_than_memory_(size_of(model) > memory_allowed() / 5 * 4),
      blocks_(model.weights().blocks.size()) {}

void PackedWeights::move_on_to(std::size_t l) const {
  const auto& blocks = model_.weights().blocks;
  if (larger_than_memory_ && blocks.size() > 1) for_matrices(blocks[l == 0 ? blocks.size() - 1 : l - 1], release_pages);
  if (l + 1 < blocks.size()) for_matrices(blocks[l + 1], read_ahead);
}

Packed pack_unembedding(const Model& model) { return pack(model.weights().unembed, model, "unembedding"); }

}  // namespace embscope
