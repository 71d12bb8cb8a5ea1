#include "forward/weights.h"

#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "forward/working_memory.h"
#include "kernels/vector.h"
#include "model/block.h"

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

/// Makes the parameters of one block ready: errors name it.
struct BlockPacker {
  const Model& model;
  std::string where;

  void operator()(const BlockPart& part, const Linear& from, PackedLinear& to) const {
    to = {pack(from.weight, model, where + part.in_words()),
          values(from.bias, model, where + part.in_words() + " bias")};
  }
  void operator()(const BlockPart& part, const Norm& from, PackedNorm& to) const {
    to = pack_norm(from, model, where + part.in_words());
  }
  void operator()(const BlockPart& part, const Vector& from, Tensor& to) const {
    to = values(from, model, where + part.in_words());
  }
  void operator()(const ExpertWeights& from, PackedExperts& to) const {
    to.each.resize(from.each.size());
    visit_experts(model.config(), *this, from, to);
  }
};

}  // namespace

PackedBlock pack_block(const Model& model, std::size_t block) {
  PackedBlock packed;
  visit(model.config(), model.config().layers[block], BlockPacker{model, fmt::format("block {}: ", block)},
        model.weights().blocks[block], packed);
  return packed;
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

std::uint64_t stored_bytes(const Model& model) {
  std::uint64_t bytes = 0;
  for (const auto& archive : model.archives()) {
    for (const Archive::Entry& entry : archive->tensors()) bytes += static_cast<std::uint64_t>(entry.view.bytes());
  }
  return bytes;
}

namespace {

/// body(bytes, count) for each matrix.
struct Pages {
  void (*body)(const std::byte* begin, std::size_t size);
  void operator()(const BlockPart&, const Linear& map) const {
    if (!map.weight.empty()) body(map.weight.view.data, static_cast<std::size_t>(map.weight.view.bytes()));
  }
  template <class... Other>
  void operator()(const Other&...) const {}
};

// Of experts nothing is read ahead: which of them a text needs, the router decides.
void read_ahead_of(const Model& model, std::size_t block) {
  visit(model.config(), model.config().layers[block], Pages{read_ahead}, model.weights().blocks[block]);
}

void release(const Model& model, std::size_t block) {
  const Layer& layer = model.config().layers[block];
  const BlockWeights& weights = model.weights().blocks[block];
  visit(model.config(), layer, Pages{release_pages}, weights);
  if (layer.experts) visit_experts(model.config(), Pages{release_pages}, weights.experts);
}

}  // namespace

PackedWeights::PackedWeights(const Model& model)
    : model_(model), larger_than_memory_(larger_than_memory(model)), blocks_(model.weights().blocks.size()) {}

void PackedWeights::move_on_to(std::size_t l) const {
  const std::size_t count = model_.weights().blocks.size();
  if (larger_than_memory_ && count > 1) release(model_, l == 0 ? count - 1 : l - 1);
  if (l + 1 < count) read_ahead_of(model_, l + 1);
}

Packed pack_unembedding(const Model& model) { return pack(model.weights().unembed, model, "unembedding"); }

}  // namespace embscope
