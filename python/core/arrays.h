// Arrays: the engine's Tensors as NumPy arrays, and arrays of NumPy, PyTorch and others (DLPack) as Tensors.
#pragma once

#include <string>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>  // wherever one is cast: two files that differ in this break each other

#include "embscope/tensor/tensor.h"

namespace embscope::python {

namespace nb = nanobind;

/// The Tensor's own memory, which lives as long as the array does.
nb::object array_of(Tensor tensor);

/// Memory that `owner` keeps, not writable.
nb::object array_over(const float* data, const Shape& shape, nb::handle owner);

/// The same, writable.
nb::object array_within(const float* data, const Shape& shape, nb::handle owner);

/// Memory that the caller lends for the time of a call.
nb::object lent_array(float* data, const Shape& shape);

/// float32 in row-major order is used where it lies; other orders are copied to it. `rank` 0: any.
/// Throws Error{usage} for something that is not an array, another dtype or device, Error{shape} for another rank.
Tensor tensor_of(nb::handle array, const std::string& where, int rank = 0);

/// Copies `array` to `out`, which has the shape `shape`. Throws as tensor_of, and Error{shape}.
void copy_to(nb::handle array, const Shape& shape, float* out, const std::string& where);

}  // namespace embscope::python
