// Tensor owns fp32 values; View borrows typed bytes (usually of a mapped file) and must not outlive their owner.
// Thread rule: const access from any thread; a Tensor is written by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/base/error.h"

namespace embscope {

/// Element types of model files. The quantised ones are stored in blocks along the last axis.
enum class DType : std::uint8_t {
  f32,
  f16,
  bf16,
  f64,
  u8,
  i8,
  i16,
  i32,
  i64,
  boolean,
  q8_0,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q4_k,
  q5_k,
  q6_k,
  q2_k,
  q3_k,
  q8_k,
  iq1_s,
  iq1_m,
  iq2_xxs,
  iq2_xs,
  iq2_s,
  iq3_xxs,
  iq3_s,
  iq4_nl,
  iq4_xs,
  tq1_0,
  tq2_0,
  mxfp4,
  nvfp4,
  f8_e4m3,
  f8_e5m2
};

std::string_view name(DType dtype);  ///< "F32", "Q4_1", ...
std::int64_t block_size(
    DType dtype);  ///< elements in one block: 1, 32 (Q8_0, MXFP4, ...), 64 (NVFP4) or 256 (Q4_K, ...)
std::int64_t block_bytes(DType dtype);  ///< bytes of one block

/// Sizes of the axes, slowest first (row-major). A scalar has no axes and one element.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes) : sizes_(sizes) {}
  explicit Shape(std::vector<std::int64_t> sizes) : sizes_(std::move(sizes)) {}

  int rank() const { return static_cast<int>(sizes_.size()); }
  std::int64_t operator[](int axis) const { return sizes_[static_cast<std::size_t>(axis)]; }
  std::int64_t elements() const;  ///< product of the sizes
  std::int64_t rows() const;      ///< product of all sizes except the last: 2 for 2 x 0, 1 for a scalar
  std::int64_t last() const { return sizes_.empty() ? 1 : sizes_.back(); }
  std::string text() const;  ///< "50257 x 768"; "scalar" for rank 0
  bool operator==(const Shape&) const = default;
  auto begin() const { return sizes_.begin(); }
  auto end() const { return sizes_.end(); }

 private:
  std::vector<std::int64_t> sizes_;
};

/// Borrowed, contiguous, row-major, typed bytes.
struct View {
  const std::byte* data = nullptr;
  DType dtype = DType::f32;
  Shape shape;

  bool empty() const { return data == nullptr; }
  std::int64_t rows() const { return shape.rows(); }
  std::int64_t columns() const { return shape.last(); }
  std::int64_t row_bytes() const { return columns() / block_size(dtype) * block_bytes(dtype); }
  std::int64_t bytes() const { return rows() * row_bytes(); }
  /// The values themselves. Precondition: dtype == f32 and 4-byte alignment.
  const float* floats() const { return reinterpret_cast<const float*>(data); }
};

/// Owned fp32 values, 64-byte aligned, row-major. Moves cheaply; is copied only by `clone`.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Shape shape);  ///< zeros
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;

  static Tensor uninitialised(Shape shape);  ///< for buffers that are written before they are read
  static Tensor of(Shape shape, std::span<const float> values);
  /// Values that `owner` keeps alive: another library's array, used without a copy. `data` may have any alignment of
  /// floats.
  static Tensor borrowed(Shape shape, float* data, std::shared_ptr<const void> owner);
  Tensor clone() const;

  const Shape& shape() const { return shape_; }
  std::int64_t size() const { return size_; }
  std::int64_t rows() const { return size_ == 0 ? 0 : size_ / shape_.last(); }
  std::int64_t columns() const { return shape_.last(); }
  bool empty() const { return size_ == 0; }
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  std::span<float> values() { return {data_.get(), static_cast<std::size_t>(size_)}; }
  std::span<const float> values() const { return {data_.get(), static_cast<std::size_t>(size_)}; }
  std::span<float> row(std::int64_t i) { return {data_.get() + i * columns(), static_cast<std::size_t>(columns())}; }
  std::span<const float> row(std::int64_t i) const {
    return {data_.get() + i * columns(), static_cast<std::size_t>(columns())};
  }
  View view() const { return {reinterpret_cast<const std::byte*>(data_.get()), DType::f32, shape_}; }

 private:
  struct Free {
    std::size_t bytes;
    std::shared_ptr<const void> owner;  // of borrowed values
    void operator()(float* p) const;
  };
  std::unique_ptr<float[], Free> data_;
  Shape shape_;
  std::int64_t size_ = 0;
};

/// Decodes rows [first, first + count) of `view` (all axes except the last are rows) to fp32 at `out`.
/// Only the bytes of these rows are read. Integer types are converted. Precondition: the rows exist.
void decode_rows(const View& view, std::int64_t first, std::int64_t count, float* out);

/// Decodes `n` values that begin at `bytes`, whole blocks of any alignment.
void decode_values(const std::byte* bytes, DType dtype, std::int64_t n, float* values);

/// The whole view as fp32.
Tensor decode(const View& view);

}  // namespace embscope
