#include "arrays.h"

#include <algorithm>
#include <memory>
#include <vector>

namespace embscope::python {
namespace {

using Array = nb::ndarray<nb::ro>;

std::vector<std::size_t> sizes(const Shape& shape) { return {shape.begin(), shape.end()}; }

std::string dpython_type(const Array& array) {
  const nb::dlpack::dtype t = array.dtype();
  const std::string bits = std::to_string(t.bits);
  switch (static_cast<nb::dlpack::dtype_code>(t.code)) {
    case nb::dlpack::dtype_code::Int: return "int" + bits;
    case nb::dlpack::dtype_code::UInt: return "uint" + bits;
    case nb::dlpack::dtype_code::Float: return "float" + bits;
    case nb::dlpack::dtype_code::Bfloat: return "bfloat" + bits;
    case nb::dlpack::dtype_code::Complex: return "complex" + bits;
    case nb::dlpack::dtype_code::Bool: return "bool";
    default: return "an element type of " + bits + " bits";
  }
}

std::string python_type(nb::handle object) { return nb::cast<std::string>(nb::object(object.type().attr("__name__"))); }

/// A PyTorch tensor says by itself where it lies and whether it may leave: better words than a refused conversion.
void check_torch(nb::handle object, const std::string& where) {
  if (!nb::hasattr(object, "requires_grad")) return;
  const std::string device = nb::cast<std::string>(nb::str(nb::object(object.attr("device"))));
  if (device != "cpu") throw Error(Code::usage, where, "the tensor is on " + device + ", needs the CPU: use x.cpu()");
  if (nb::cast<bool>(object.attr("requires_grad"))) {
    throw Error(Code::usage, where, "the tensor requires grad: use x.detach()");
  }
}

Array checked(nb::handle object, const std::string& where) {
  check_torch(object, where);
  Array array;
  if (nb::hasattr(object, "mask") && nb::hasattr(object, "filled")) {
    throw Error(Code::usage, where,
                "what a masked array hides would be used: give x.filled(...), or the rows that are whole");
  }
  if (!nb::try_cast(object, array)) {
    if (nb::hasattr(object, "dtype")) {
      throw Error(Code::usage, where,
                  "dtype is " + nb::cast<std::string>(nb::str(nb::object(object.attr("dtype")))) +
                      ", needs float32: use x.astype('float32')");
    }
    throw Error(Code::usage, where,
                "a " + python_type(object) + " is not an array: give float32 values from NumPy, or by DLPack");
  }
  if (array.device_type() != nb::device::cpu::value) {
    throw Error(Code::usage, where, "the array is on another device, needs the CPU");
  }
  if (array.dtype() != nb::dtype<float>()) {
    throw Error(Code::usage, where,
                "dtype is " + dpython_type(array) + ", needs float32: use x.astype('float32') or x.float()");
  }
  return array;
}

Shape shape_of(const Array& array) {
  std::vector<std::int64_t> sizes;
  for (std::size_t axis = 0; axis < array.ndim(); ++axis) sizes.push_back(static_cast<std::int64_t>(array.shape(axis)));
  return Shape(std::move(sizes));
}

bool row_major(const Array& array) {
  std::int64_t step = 1;
  for (std::size_t axis = array.ndim(); axis-- > 0;) {
    if (array.shape(axis) != 1 && array.stride(axis) != step) return false;
    step *= static_cast<std::int64_t>(array.shape(axis));
  }
  return true;
}

void copy_strided(const Array& array, std::size_t axis, const float* from, float*& to) {
  if (axis == array.ndim()) {
    *to++ = *from;
    return;
  }
  for (std::size_t i = 0; i < array.shape(axis); ++i) {
    copy_strided(array, axis + 1, from + static_cast<std::int64_t>(i) * array.stride(axis), to);
  }
}

}  // namespace

nb::object array_of(Tensor tensor) {
  auto* owned = new Tensor(std::move(tensor));
  const nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<Tensor*>(p); });
  const std::vector<std::size_t> shape = sizes(owned->shape());
  return nb::cast(nb::ndarray<nb::numpy, float>(owned->data(), shape.size(), shape.data(), owner));
}

nb::object array_over(const float* data, const Shape& shape, nb::handle owner) {
  const std::vector<std::size_t> axes = sizes(shape);
  return nb::cast(nb::ndarray<nb::numpy, const float>(data, axes.size(), axes.data(), owner));
}

nb::object array_within(const float* data, const Shape& shape, nb::handle owner) {
  const std::vector<std::size_t> axes = sizes(shape);
  return nb::cast(nb::ndarray<nb::numpy, float>(const_cast<float*>(data), axes.size(), axes.data(), owner));
}

nb::object lent_array(float* data, const Shape& shape) {
  const std::vector<std::size_t> axes = sizes(shape);
  const nb::capsule nobody(data, [](void*) noexcept {});
  return nb::cast(nb::ndarray<nb::numpy, float>(data, axes.size(), axes.data(), nobody), nb::rv_policy::reference);
}

Tensor tensor_of(nb::handle object, const std::string& where, int rank) {
  Array array = checked(object, where);
  const Shape shape = shape_of(array);
  if (rank != 0 && shape.rank() != rank) {
    throw Error(Code::shape, where,
                "has " + std::to_string(shape.rank()) + " axes (" + shape.text() + "), needs " + std::to_string(rank));
  }
  const auto* data = static_cast<const float*>(array.data());
  if (row_major(array)) {
    auto owner = std::make_shared<Array>(std::move(array));
    return Tensor::borrowed(shape, const_cast<float*>(data), std::move(owner));  // only read
  }
  Tensor out = Tensor::uninitialised(shape);
  float* to = out.data();
  copy_strided(array, 0, data, to);
  return out;
}

void copy_to(nb::handle object, const Shape& shape, float* out, const std::string& where) {
  const Array array = checked(object, where);
  if (shape_of(array) != shape) {
    throw Error(Code::shape, where, "returned an array of shape " + shape_of(array).text() + ", needs " + shape.text());
  }
  Tensor whole = Tensor::uninitialised(shape);  // what was returned may be a view of `out` itself: x[::-1]
  float* to = whole.data();
  copy_strided(array, 0, static_cast<const float*>(array.data()), to);
  std::ranges::copy(whole.values(), out);
}

}  // namespace embscope::python
