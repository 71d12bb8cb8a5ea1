// Tensors of a model by name, over one archive or several shards, with their shapes checked. Every tensor is read, or
// is a known buffer, or is refused by name.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "embscope/model/model.h"

namespace embscope {

class Tensors {
 public:
  /// Throws Error{format} when two shards hold a tensor of one name.
  explicit Tensors(const std::vector<std::shared_ptr<const Archive>>& archives);

  bool has(const std::string& name) const { return find(name) != nullptr; }
  const View* find(const std::string& name) const;  ///< null when absent; counts as read only when `at` is asked
  /// Throws Error{not_found} with the nearest name, Error{shape} with expected and found, Error{unsupported} for
  /// integers.
  const View& at(const std::string& name, const Shape& expected) const;

  /// How many rows and columns share one factor where a tensor's factors are a table (NAME_scale_inv, NAME_scale).
  void scaled_by_blocks(std::int64_t rows, std::int64_t columns) { block_rows_ = rows, block_columns_ = columns; }
  /// A matrix of values of eight bits without its factors is an error from now on.
  void expect_scales() { scales_expected_ = true; }

  /// [out, in] as it is, with the factors of values of eight bits, and stored [in, out] (Conv1D), of which outputs
  /// first..first+out are taken.
  Matrix matrix(const std::string& name, std::int64_t out, std::int64_t in) const;
  Matrix input_major(const std::string& name, std::int64_t out, std::int64_t in, std::int64_t first,
                     std::int64_t columns) const;
  Vector vector(const std::string& name, std::int64_t count) const;
  /// Part `index` of [count, out, in], and stored [count, in, out].
  Matrix matrix_of(const std::string& name, std::int64_t index, std::int64_t count, std::int64_t out,
                   std::int64_t in) const;
  Matrix input_major_of(const std::string& name, std::int64_t index, std::int64_t count, std::int64_t out,
                        std::int64_t in) const;
  Vector vector_of(const std::string& name, std::int64_t index, std::int64_t count, std::int64_t size) const;
  /// As `at`, of bytes that are not values by themselves.
  const View& bytes(const std::string& name, const Shape& expected) const;
  /// Empty where the file has none.
  Vector optional_vector(const std::string& name, std::int64_t count) const;

  /// What the file may have of a tensor that changes nothing.
  void ignore(const std::string& name) const { taken_.insert(name); }

  /// Throws Error{unsupported} for the first tensor that nobody read and that is not a known buffer of blocks 0..blocks
  /// - 1.
  /// `beside`: what else may be left unread.
  void refuse_rest(std::int64_t blocks, const std::function<bool(std::string_view)>& beside = {}) const;

 private:
  const View& taken(const std::string& name, const Shape& expected, bool of_bytes) const;
  const Archive& home(const std::string& name) const;
  bool is_input_scale(std::string_view name) const;
  void read_scales(const std::string& name, Matrix& matrix) const;

  const std::vector<std::shared_ptr<const Archive>>& archives_;
  std::int64_t block_rows_ = 0, block_columns_ = 0;
  bool scales_expected_ = false;
  mutable std::set<std::string, std::less<>> taken_;
};

}  // namespace embscope
