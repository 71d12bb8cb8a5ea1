#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "embscope/model/model.h"

namespace embscope {
namespace {

// GGUF's Llama keeps the two halves of each head interleaved (2i, 2i + 1).
std::int64_t stored_index(std::int64_t j, std::int64_t first, std::int64_t count, std::int64_t rotary_heads,
                          std::int64_t run, std::int64_t apart) {
  if (rotary_heads != 0) {
    const std::int64_t head_width = count / rotary_heads, half = head_width / 2;
    const std::int64_t head = j / head_width, within = j % head_width;
    j = head * head_width + 2 * (within % half) + within / half;
  }
  return first + (run == 0 ? j : j / run * apart + j % run);
}

void scale_row(const Matrix& m, std::int64_t row, float* values) {
  std::vector<float> factors(static_cast<std::size_t>((m.in + m.scale_columns - 1) / m.scale_columns));
  const auto count = static_cast<std::int64_t>(factors.size());
  const View all{m.scales.data, m.scales.dtype, {m.scales.shape.elements() / count, count}};
  decode_rows(all, row / m.scale_rows, 1, factors.data());
  for (std::int64_t k = 0; k < m.in; ++k) values[k] *= factors[static_cast<std::size_t>(k / m.scale_columns)];
}

}  // namespace

std::int64_t Matrix::stored_row(std::int64_t j) const { return stored_index(j, first, out, rotary_heads, run, stride); }

void Matrix::row(std::int64_t j, float* values) const {
  if (!input_major) {
    decode_rows(view, stored_row(j), 1, values);
    if (!scales.empty()) scale_row(*this, stored_row(j), values);
    return;
  }
  const View column{view.data, view.dtype, {1}};  // one element at a time: block formats are never input-major
  const std::int64_t row_bytes = view.columns() * block_bytes(view.dtype);
  for (std::int64_t k = 0; k < in; ++k) {
    decode_rows({view.data + k * row_bytes + (first + j) * block_bytes(view.dtype), view.dtype, column.shape}, 0, 1,
                values + k);
  }
}

void Matrix::combine(const double* weights, double* values) const {
  if (input_major) {  // one stored row holds what every output takes from one input
    std::vector<float> stored(static_cast<std::size_t>(view.columns()));
    for (std::int64_t i = 0; i < in; ++i) {
      decode_rows(view, i, 1, stored.data());
      values[i] = 0;
      for (std::int64_t j = 0; j < out; ++j)
        values[i] += weights[j] * static_cast<double>(stored[static_cast<std::size_t>(first + j)]);
    }
    return;
  }
  std::vector<float> output(static_cast<std::size_t>(in));
  std::fill_n(values, in, 0.0);
  for (std::int64_t j = 0; j < out; ++j) {
    row(j, output.data());
    for (std::int64_t i = 0; i < in; ++i)
      values[i] += weights[j] * static_cast<double>(output[static_cast<std::size_t>(i)]);
  }
}

Tensor Vector::values() const {
  Tensor out = Tensor::uninitialised({count});
  if (rotary_heads == 0 && run == 0) {
    decode_rows({view.data + first * block_bytes(view.dtype), view.dtype, {count}}, 0, 1, out.data());
  } else {
    const Tensor all = decode(view);
    for (std::int64_t j = 0; j < count; ++j)
      out.data()[j] = all.data()[stored_index(j, first, count, rotary_heads, run, stride)];
  }
  if (plus != 0) {
    for (float& x : out.values()) x += plus;
  }
  return out;
}

Tensor Model::embedding(TokenId id) const {
  if (id < 0 || id >= config_.vocab)
    throw Error(Code::range, "wte", fmt::format("token id {}: the vocabulary has ids 0..{}", id, config_.vocab - 1));
  Tensor out = Tensor::uninitialised({config_.width});
  weights_.wte.row(id, out.data());
  return out;
}

}  // namespace embscope
