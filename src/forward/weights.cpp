#include "forward/weights.h"

#include <atomic>
#include <cstring>

#include <fmt/format.h>

#include "base/file.h"
#include "base/threads.h"
#include "kernels/vector.h"

namespace embscope {
namespace {

void refuse_unless_finite(bool finite, const Model& model, const std::string& name) {
  if (!finite) {
    throw Error(Code::format, model.path().filename().string(),
                fmt::format("{} holds NaN or infinite values: the file is damaged or its training diverged", name));
  }
}

// GPT-2's Conv1D already has the outputs of one input side by side, as a panel does.
bool is_plain_input_major(const Matrix& m) {
  return m.input_major && m.view.dtype == DType::f32 &&
         reinterpret_cast<std::uintptr_t>(m.view.data) % alignof(float) == 0;
}

void fill_input_major(const Matrix& m, std::int64_t first, std::int64_t count, float* panel) {
  const std::int64_t columns = m.view.columns();
  const float* from = m.view.floats() + m.first + first;
  for (std::int64_t k = 0; k < m.in; ++k, from += columns, panel += panel_width) {
    std::memcpy(panel, from, static_cast<std::size_t>(count) * sizeof(float));
    std::memset(panel + count, 0, static_cast<std::size_t>(panel_width - count) * sizeof(float));
  }
  check_mapping(m.view.data);
}

void fill_rows(const Matrix& m, std::int64_t first, std::int64_t count, float* panel) {
  thread_local std::vector<float> rows;
  rows.resize(static_cast<std::size_t>(panel_width * m.in));
  for (std::int64_t j = 0; j < count; ++j) m.row(first + j, rows.data() + j * m.in);
  pack_panel(rows.data(), m.in, count, m.in, panel);
}

// What was packed is not read from its file again: without this a model would lie in memory twice.
void release(const Matrix& m, const Model& model) {
  for (const auto& archive : model.archives()) {
    for (const Archive::Entry& entry : archive->tensors()) {
      if (entry.view.data == m.view.data)
        return release_pages(entry.view.data, static_cast<std::size_t>(entry.view.bytes()));
    }
  }
}

Packed pack(const Matrix& m, const Model& model, const std::string& name) {
  if (m.empty()) return {};
  std::atomic<bool> finite = true;
  const bool plain = is_plain_input_major(m);
  Packed packed(m.out, m.in, [&](std::int64_t p, float* panel) {
    const std::int64_t first = p * panel_width, count = std::min(panel_width, m.out - first);
    plain ? fill_input_major(m, first, count, panel) : fill_rows(m, first, count, panel);
    if (!all_finite(panel, m.in * panel_width)) finite = false;
  });
  refuse_unless_finite(finite, model, name);
  release(m, model);
  return packed;
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
  auto norm = [&](const Norm& n, const char* name) { return pack_norm(n, model, where + name); };
  return {norm(b.ln1, "ln1"), norm(b.ln2, "ln2"), norm(b.ln1_post, "ln1_post"), norm(b.ln2_post, "ln2_post"),
          norm(b.q_norm, "q_norm"), norm(b.k_norm, "k_norm"), linear(b.q, b.q_bias, "q"),
          linear(b.k, b.k_bias, "k"), linear(b.v, b.v_bias, "v"), linear(b.o, b.o_bias, "o"),
          linear(b.gate, b.gate_bias, "gate"), linear(b.up, b.up_bias, "up"), linear(b.down, b.down_bias, "down")};
}

Packed pack_backward(const Matrix& m) {
  if (is_plain_input_major(m)) {  // row i of the file has the weights of input i side by side
    const std::int64_t columns = m.view.columns();
    Packed packed(m.in, m.out, [&](std::int64_t p, float* panel) {
      const std::int64_t first = p * panel_width;
      pack_panel(m.view.floats() + first * columns + m.first, columns, std::min(panel_width, m.in - first), m.out, panel);
    });
    check_mapping(m.view.data);
    return packed;
  }
  Tensor rows = Tensor::uninitialised({m.out, m.in});
  parallel_for(m.out, panel_width, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t j = begin; j < end; ++j) m.row(j, rows.row(j).data());
  });
  return Packed(m.in, m.out, [&](std::int64_t p, float* panel) {
    const std::int64_t first = p * panel_width;
    copy_panel(rows.data() + first, m.in, m.out, std::min(panel_width, m.in - first), panel);
  });
}

PackedNorm pack_final_norm(const Model& model) { return pack_norm(model.weights().ln_final, model, "ln_final"); }

PackedNorm pack_embedding_norm(const Model& model) { return pack_norm(model.weights().embedding_norm, model, "the embedding's norm"); }

Tensor unembedding_bias(const Model& model, const std::vector<TokenId>& tokens) {
  Tensor all = values(model.weights().unembed_bias, model, "the unembedding's bias");
  if (all.empty() || tokens.empty()) return all;
  Tensor some = Tensor::uninitialised({static_cast<std::int64_t>(tokens.size())});
  for (std::size_t i = 0; i < tokens.size(); ++i) some.values()[i] = all.values()[static_cast<std::size_t>(tokens[i])];
  return some;
}

Packed pack_unembedding(const Model& model, const std::vector<TokenId>& tokens) {
  const Matrix& m = model.weights().unembed;
  return Packed(static_cast<std::int64_t>(tokens.size()), m.in, [&](std::int64_t p, float* panel) {
    const std::int64_t first = p * panel_width;
    const std::int64_t count = std::min(panel_width, static_cast<std::int64_t>(tokens.size()) - first);
    std::vector<float> rows(static_cast<std::size_t>(count * m.in));
    for (std::int64_t j = 0; j < count; ++j) m.row(tokens[static_cast<std::size_t>(first + j)], rows.data() + j * m.in);
    pack_panel(rows.data(), m.in, count, m.in, panel);
  });
}

Packed pack_unembedding(const Model& model) { return pack(model.weights().unembed, model, "unembedding"); }

}  // namespace embscope
