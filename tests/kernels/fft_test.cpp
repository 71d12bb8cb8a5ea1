#include "kernels/fft.h"

#include <cmath>
#include <complex>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "kernels/every_target.h"

namespace embscope {
namespace {

TEST(Fft, sizes_are_products_of_twos_and_threes) {
  EXPECT_EQ(fft_size(1), 16);
  EXPECT_EQ(fft_size(17), 32);
  EXPECT_EQ(fft_size(33), 48);
  EXPECT_EQ(fft_size(129), 144);
  EXPECT_EQ(fft_size(560), 576);
  EXPECT_EQ(fft_size(1024), 1024);
}

TEST(Fft, is_the_sum_of_its_definition_and_comes_back) {
  on_every_target([](const char* target) {
    for (std::int64_t n : {16, 48, 32, 144, 8 * 27}) {
      Random random(static_cast<std::uint64_t>(n));
      const auto size = static_cast<std::size_t>(n * 16);
      std::vector<float> re(size), im(size), scratch(2 * size);
      for (std::size_t i = 0; i < size; ++i)
        re[i] = static_cast<float>(random.normal()), im[i] = static_cast<float>(random.normal());
      const auto re0 = re, im0 = im;
      const Fft fft(n);
      fft.transform(re.data(), im.data(), scratch.data());
      for (std::int64_t k = 0; k < n; k += 5) {
        for (std::size_t s : {0u, 7u, 15u}) {
          std::complex<double> sum;
          for (std::int64_t t = 0; t < n; ++t) {
            const auto at = static_cast<std::size_t>(t * 16) + s;
            sum += std::complex<double>(re0[at], im0[at]) *
                   std::polar(1.0, -2 * M_PI * static_cast<double>(k * t) / static_cast<double>(n));
          }
          const auto at = static_cast<std::size_t>(k * 16) + s;
          ASSERT_NEAR(re[at], sum.real(), 2e-5 * std::sqrt(n)) << target << ", " << n << ", frequency " << k;
          ASSERT_NEAR(im[at], sum.imag(), 2e-5 * std::sqrt(n)) << target << ", " << n;
        }
      }
      fft.transform(im.data(), re.data(), scratch.data());
      for (std::size_t i = 0; i < size; ++i) ASSERT_NEAR(re[i] / static_cast<float>(n), re0[i], 1e-5) << target;
    }
  });
}

TEST(PlaneConvolution, is_the_sum_over_all_pairs_of_nodes) {
  auto even = [](float dx, float dy) { return 1 / (1 + 0.1f * (dx * dx + dy * dy)); };
  auto odd = [&](float dx, float dy) { return std::array<float, 2>{dx * even(dx, dy), dy * even(dx, dy)}; };
  const std::int64_t side = 21;
  const PlaneConvolution convolution(side, even, odd);
  const std::int64_t stride = convolution.stride();
  Random random(1);
  std::vector<float> charges(static_cast<std::size_t>(side * stride)), x = charges, y = charges;
  for (std::int64_t r = 0; r < side; ++r) {
    for (std::int64_t c = 0; c < side; ++c)
      charges[static_cast<std::size_t>(r * stride + c)] = static_cast<float>(random.uniform());
  }
  const double energy = convolution.apply(charges.data(), x.data(), y.data());
  double total = 0;
  for (std::int64_t r = 0; r < side; ++r) {
    for (std::int64_t c = 0; c < side; ++c) {
      double fx = 0, fy = 0;
      for (std::int64_t q = 0; q < side; ++q) {
        for (std::int64_t d = 0; d < side; ++d) {
          const double charge = static_cast<double>(charges[static_cast<std::size_t>(q * stride + d)]);
          const auto f = odd(static_cast<float>(c - d), static_cast<float>(r - q));
          fx += charge * static_cast<double>(f[0]), fy += charge * static_cast<double>(f[1]);
          total += charge * static_cast<double>(charges[static_cast<std::size_t>(r * stride + c)]) *
                   static_cast<double>(even(static_cast<float>(c - d), static_cast<float>(r - q)));
        }
      }
      ASSERT_NEAR(x[static_cast<std::size_t>(r * stride + c)], fx, 1e-3);
      ASSERT_NEAR(y[static_cast<std::size_t>(r * stride + c)], fy, 1e-3);
    }
  }
  EXPECT_NEAR(energy, total, 1e-5 * total);
}

}  // namespace
}  // namespace embscope
