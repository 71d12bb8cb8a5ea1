// Every type of weights against gguf's own dequantisation (tests/reference/make_quants.py), bit for bit.
#include <bit>
#include <cmath>

#include <gtest/gtest.h>

#include "embscope/files/archive.h"

namespace embscope {
namespace {

class Decode : public ::testing::TestWithParam<DType> {};

TEST_P(Decode, blocks_have_the_bits_of_the_reference) {
  const auto archive = Archive::open(EMBSCOPE_TEST_DATA "/reference/quants.safetensors");
  const DType dtype = GetParam();
  const View& bytes = archive->at(name(dtype));
  const Tensor expected = decode(archive->at(std::string(name(dtype)) + ".values"));
  ASSERT_EQ(bytes.bytes(), (View{bytes.data, dtype, expected.shape()}).bytes());
  const Tensor found = decode({bytes.data, dtype, expected.shape()});
  for (std::size_t i = 0; i < expected.values().size(); ++i) {
    const float e = expected.values()[i], f = found.values()[i];
    if (std::isnan(e))
      ASSERT_TRUE(std::isnan(f)) << "value " << i;
    else
      ASSERT_EQ(std::bit_cast<std::uint32_t>(f), std::bit_cast<std::uint32_t>(e))
          << "value " << i << ": " << f << ", not " << e;
  }
}

INSTANTIATE_TEST_SUITE_P(types, Decode,
                         ::testing::Values(DType::f16, DType::bf16, DType::f8_e4m3, DType::f8_e5m2, DType::q8_0,
                                           DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q2_k, DType::q3_k,
                                           DType::q4_k, DType::q5_k, DType::q6_k, DType::q8_k, DType::iq1_s,
                                           DType::iq1_m, DType::iq2_xxs, DType::iq2_xs, DType::iq2_s, DType::iq3_xxs,
                                           DType::iq3_s, DType::iq4_nl, DType::iq4_xs, DType::tq1_0, DType::tq2_0,
                                           DType::mxfp4, DType::nvfp4),
                         [](const auto& type) { return std::string(name(type.param)); });

}  // namespace
}  // namespace embscope
