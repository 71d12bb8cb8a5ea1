// Random matrices of every type that a product reads as a file has it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "embscope/tensor/tensor.h"

namespace embscope {

inline constexpr DType stored_types[] = {DType::f32,     DType::f16,   DType::bf16,    DType::f64,     DType::q8_0,
                                         DType::q4_0,    DType::q4_1,  DType::q5_0,    DType::q5_1,    DType::q2_k,
                                         DType::q3_k,    DType::q4_k,  DType::q5_k,    DType::q6_k,    DType::q8_k,
                                         DType::iq1_s,   DType::iq1_m, DType::iq2_xxs, DType::iq2_xs,  DType::iq2_s,
                                         DType::iq3_xxs, DType::iq3_s, DType::iq4_nl,  DType::iq4_xs,  DType::tq1_0,
                                         DType::tq2_0,   DType::mxfp4, DType::nvfp4,   DType::f8_e4m3, DType::f8_e5m2};

// Random blocks whose values are finite and of a size that lets sums stay so, in a buffer that ends with the last one.
class RandomMatrix {
 public:
  RandomMatrix(DType dtype, std::int64_t rows, std::int64_t columns)
      : view_{nullptr, dtype, {rows, columns}}, bytes_(static_cast<std::size_t>(view_.bytes())) {
    std::mt19937 random(static_cast<unsigned>(dtype));
    const std::int64_t size = block_bytes(dtype);
    std::vector<float> values(static_cast<std::size_t>(block_size(dtype)));
    for (std::int64_t at = 0; at < view_.bytes(); at += size) {
      do {
        for (std::int64_t i = 0; i < size; ++i)
          bytes_[static_cast<std::size_t>(at + i)] = static_cast<std::byte>(random());
        decode_values(bytes_.data() + at, dtype, block_size(dtype), values.data());
      } while (!std::ranges::all_of(values, [](float x) { return std::abs(x) < 1e18f; }));
    }
    view_.data = bytes_.data();
  }
  const View& view() const { return view_; }
  std::byte* bytes() { return bytes_.data(); }

 private:
  View view_;
  std::vector<std::byte> bytes_;
};

// Whole blocks for the types that have them, a ragged end for the others.
inline std::int64_t columns_for(DType dtype, std::int64_t about) {
  return block_size(dtype) == 1 ? about : std::max<std::int64_t>(1, about / block_size(dtype)) * block_size(dtype);
}

}  // namespace embscope
