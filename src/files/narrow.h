// fp32 -> the bytes of narrower floats: rounded to nearest, ties to even.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "embscope/tensor/tensor.h"

namespace embscope {

/// IEEE half precision. What exceeds 65504 by half a step or more becomes infinite; NaN stays NaN.
std::uint16_t to_f16(float x);

/// bf16: the upper half of an fp32, rounded.
std::uint16_t to_bf16(float x);

/// Writes `values` as f16 or bf16 at `out`. Returns the index of the first finite value that would have become
/// infinite, else the number of values. Precondition: one of these two dtypes.
std::size_t narrow(std::span<const float> values, DType dtype, std::byte* out);

/// The error message for such a value; `whose` ("document 7") comes first if it is given.
std::string too_large(float value, DType dtype, std::string_view whose);

}  // namespace embscope
