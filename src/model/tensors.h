// Tensors of a model by name, over one archive or several shards, with their shapes checked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "embscope/model.h"

namespace embscope {

class Tensors {
 public:
  explicit Tensors(const std::vector<std::shared_ptr<const Archive>>& archives) : archives_(archives) {}

  bool has(const std::string& name) const;
  /// Throws Error{not_found} with the nearest name, Error{shape} with expected and found, Error{unsupported} for integers.
  const View& at(const std::string& name, const Shape& expected) const;

  /// [out, in] as it is, and stored [in, out] (Conv1D), of which outputs first..first+out are taken.
  Matrix matrix(const std::string& name, std::int64_t out, std::int64_t in) const;
  Matrix input_major(const std::string& name, std::int64_t out, std::int64_t in, std::int64_t first,
                     std::int64_t columns) const;
  Vector vector(const std::string& name, std::int64_t count) const;
  /// Empty where the file has none.
  Vector optional_vector(const std::string& name, std::int64_t count) const;

 private:
  const std::vector<std::shared_ptr<const Archive>>& archives_;
};

}  // namespace embscope
