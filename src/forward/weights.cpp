#include "forward/weights.h"

#include <utility>

#include <fmt/format.h>

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
  if (m.rotary_heads != 0) {
    for (std::int64_t j = 0; j < m.out; ++j) s->order.push_back(m.stored_row(j));
  }
  s->file = file, s->name = name;
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

PackedBlock pack_block(const Model& model, std::size_t block) {
  const BlockWeights& b = model.weights().blocks[block];
  const std::string where = fmt::format("block {}: ", block);
  auto linear = [&](const Matrix& m, const Vector& bias, const char* name) {
    return Linear{pack(m, model, where + name), values(bias, model, where + name + " bias")};
  };
  return {pack_norm(b.ln1, model, where + "ln1"), pack_norm(b.ln2, model, where + "ln2"), linear(b.q, b.q_bias, "q"),
          linear(b.k, b.k_bias, "k"), linear(b.v, b.v_bias, "v"), linear(b.o, b.o_bias, "o"),
          linear(b.gate, b.gate_bias, "gate"), linear(b.up, b.up_bias, "up"), linear(b.down, b.down_bias, "down")};
}

Packed pack_backward(const Matrix& m) {
  auto s = stored(m, "", "a matrix of the model");
  std::swap(s->out, s->in);
  s->by_inputs = !s->by_inputs;
  return Packed(std::move(s));
}

PackedNorm pack_final_norm(const Model& model) { return pack_norm(model.weights().ln_final, model, "ln_final"); }

Packed pack_unembedding(const Model& model, const std::vector<TokenId>& tokens) {
  const Matrix& m = model.weights().unembed;
  auto s = stored(m, model.path().filename().string(), "unembedding");
  s->out = static_cast<std::int64_t>(tokens.size());
  for (const TokenId token : tokens) s->order.push_back(m.stored_row(token));
  return Packed(std::move(s));
}

Packed pack_unembedding(const Model& model) { return pack(model.weights().unembed, model, "unembedding"); }

}  // namespace embscope
