#include "embscope/tensor.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace embscope {

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (std::int64_t size : sizes_) product *= size;
  return product;
}

std::string Shape::text() const {
  if (sizes_.empty()) return "scalar";
  std::string text;
  for (std::int64_t size : sizes_) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text;
}

void Tensor::Free::operator()(float* p) const { std::free(p); }

Tensor Tensor::uninitialised(Shape shape) {
  constexpr std::size_t alignment = 64;
  Tensor t;
  t.size_ = shape.elements();
  t.shape_ = std::move(shape);
  if (t.size_ == 0) return t;
  const std::size_t bytes = (static_cast<std::size_t>(t.size_) * sizeof(float) + alignment - 1) / alignment * alignment;
  t.data_.reset(static_cast<float*>(std::aligned_alloc(alignment, bytes)));
  if (!t.data_) throw std::bad_alloc();
  return t;
}

Tensor::Tensor(Shape shape) : Tensor(uninitialised(std::move(shape))) { std::ranges::fill(values(), 0.0f); }

Tensor Tensor::of(Shape shape, std::span<const float> values) {
  Tensor t = uninitialised(std::move(shape));
  if (static_cast<std::size_t>(t.size_) != values.size()) {
    throw Error(Code::shape, "tensor", t.shape_.text() + " from " + std::to_string(values.size()) + " values");
  }
  std::ranges::copy(values, t.values().begin());
  return t;
}

Tensor Tensor::clone() const { return of(shape_, values()); }

}  // namespace embscope
