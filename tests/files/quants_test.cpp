// Every quantised type against gguf's own dequantisation (tests/reference/make_quants.py).
#include <cmath>

#include <gtest/gtest.h>

#include "embscope/archive.h"

namespace embscope {
namespace {

TEST(Decode, quantised_blocks_equal_ggufs_own) {
  const auto archive = Archive::open(EMBSCOPE_TEST_DATA "/reference/quants.safetensors");
  for (DType dtype : {DType::q8_0, DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q4_k, DType::q5_k,
                      DType::q6_k, DType::f16}) {
    const View& bytes = archive->at(name(dtype));
    const Tensor expected = decode(archive->at(std::string(name(dtype)) + ".values"));
    const Tensor found = decode({bytes.data, dtype, expected.shape()});
    for (std::size_t i = 0; i < expected.values().size(); ++i) {
      const float e = expected.values()[i], f = found.values()[i];
      if (std::isinf(e))
        ASSERT_EQ(f, e) << name(dtype) << " value " << i;
      else
        ASSERT_NEAR(f, e, 2e-7 * std::abs(e) + 1e-12) << name(dtype) << " value " << i;
    }
  }
}

}  // namespace
}  // namespace embscope
