// A matrix as it lies in a file: what a product reads its weights from.
// Lifetime: the bytes are borrowed, and outlive it. Thread rule: const access from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "embscope/tensor/tensor.h"

namespace embscope {

struct Stored {
  View view;  ///< the tensor that it is part of
  std::int64_t out = 0, in = 0;
  bool by_inputs = false;  ///< a stored row holds what all outputs take from one input, not all weights of one output
  std::int64_t first_row = 0;       ///< the stored row of the first output (of the first input, `by_inputs`)
  std::vector<std::int64_t> order;  ///< the stored row of each, when they do not follow one another
  std::int64_t first_column = 0;    ///< a multiple of the type's block
  std::string file, name;           ///< for errors

  const std::byte* row(std::int64_t i) const { return view.data + stored_row(i) * view.row_bytes(); }
  std::int64_t stored_row(std::int64_t i) const {
    return order.empty() ? first_row + i : order[static_cast<std::size_t>(i)];
  }
  /// Bytes from the beginning of a row to what lies in column `first_column + i`.
  std::int64_t offset(std::int64_t i) const {
    return (first_column + i) / block_size(view.dtype) * block_bytes(view.dtype);
  }

  /// Factors of its values, one for each block of `scale_rows` x `scale_columns` of the tensor; empty where it has
  /// none.
  std::vector<float> scales;
  std::int64_t scale_rows = 1, scale_columns = 1;

  /// The factors of row(i), one for every `scale_columns` columns of the tensor. Precondition: it has some.
  const float* scales_of(std::int64_t i) const {
    const std::int64_t blocks = (view.columns() + scale_columns - 1) / scale_columns;
    return scales.data() + stored_row(i) / scale_rows * blocks;
  }
  /// Decodes `n` values of row(i), whole blocks, that begin in column `first_column + k`.
  void decode(std::int64_t i, std::int64_t k, std::int64_t n, float* values) const;

  /// To be called when a product was not finite. Throws Error{format} when the weights are why.
  void refuse_unless_finite() const;

 private:
  mutable std::atomic<bool> known_finite_ = false;
};

}  // namespace embscope
