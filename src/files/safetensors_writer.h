// A safetensors file whose shapes are known before its values: rows are written to their place when they are available,
// so the file may be larger than the memory.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "embscope/tensor/tensor.h"

namespace embscope {

class SafetensorsWriter {
 public:
  struct Array {
    std::string name;
    DType dtype;  ///< f32, f16 or bf16, given as fp32; or i64
    Shape shape;  ///< rows are along the first axis
  };

  /// Throws Error{io}. Precondition: names differ.
  SafetensorsWriter(std::filesystem::path path, std::vector<Array> arrays);

  /// Writes whole rows from `first_row` on. `whose` names their source in errors ("document 7").
  /// Throws Error{range} for a finite value too large for the dtype, Error{io}. Precondition: the rows exist.
  void write(std::size_t array, std::int64_t first_row, std::span<const float> values, std::string_view whose = {});
  void write(std::size_t array, std::int64_t first_row, std::span<const std::int64_t> values);

  /// Gives the file its name. Precondition: every row was written.
  void commit() { file_.commit(); }
  std::uint64_t bytes() const { return starts_.back(); }  ///< of the whole file

 private:
  std::uint64_t offset(std::size_t array, std::int64_t row) const;

  AtomicFile file_;
  std::vector<Array> arrays_;
  std::vector<std::uint64_t> starts_;  // of each array's values in the file, and the end
  std::vector<std::byte> narrowed_;
};

}  // namespace embscope
