#include "kernels/gemm.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "embscope/base/threads.h"

namespace embscope {
namespace {

// A fixed, irregular value in -1..1 for every index.
float value(std::int64_t i) { return static_cast<float>(std::sin(static_cast<double>(i) * 12.9898) * 0.999); }

std::vector<float> values(std::int64_t n, std::int64_t seed) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) v[static_cast<std::size_t>(i)] = value(i + seed * 1000003);
  return v;
}

Packed pack(const std::vector<float>& w, std::int64_t out, std::int64_t in) {
  return Packed(out, in, [&](std::int64_t p, float* panel) {
    pack_panel(w.data() + p * panel_width * in, in, std::min(panel_width, out - p * panel_width), in, panel);
  });
}

std::vector<float> product(const std::vector<float>& x, std::int64_t rows, const Packed& w,
                           const float* bias = nullptr) {
  std::vector<float> y(static_cast<std::size_t>(rows * w.out()), NAN);
  gemm(x.data(), w.in(), rows, {{Product{&w, bias, y.data(), w.out()}}});
  return y;
}

struct Sizes {
  std::int64_t rows, out, in;
};
void PrintTo(const Sizes& s, std::ostream* out) { *out << s.rows << "x" << s.out << "x" << s.in; }

class Gemm : public ::testing::TestWithParam<Sizes> {
 protected:
  // Every instruction set of this machine, the widest last.
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
  std::vector<std::int64_t> targets() const { return hwy::SupportedAndGeneratedTargets(); }
};

TEST_P(Gemm, equals_a_double_precision_reference_on_every_target) {
  const auto [rows, out, in] = GetParam();
  const auto x = values(rows * in, 1), w = values(out * in, 2), bias = values(out, 3);
  for (const std::int64_t target : targets()) {
    hwy::SetSupportedTargetsForTest(target);
    const auto y = product(x, rows, pack(w, out, in), bias.data());
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t j = 0; j < out; ++j) {
        double sum = bias[static_cast<std::size_t>(j)], size = 0;
        for (std::int64_t k = 0; k < in; ++k) {
          const double term =
              static_cast<double>(x[static_cast<std::size_t>(r * in + k)]) * w[static_cast<std::size_t>(j * in + k)];
          sum += term;
          size += std::abs(term);
        }
        // one rounding (2^-24) a term bounds the error of a sum in order
        ASSERT_NEAR(y[static_cast<std::size_t>(r * out + j)], sum, 6e-8 * static_cast<double>(in + 1) * (size + 1))
            << hwy::TargetName(target) << " " << r << "," << j;
      }
    }
  }
}

TEST_P(Gemm, a_row_alone_has_the_bits_it_has_in_a_batch) {
  const auto [rows, out, in] = GetParam();
  const auto x = values(rows * in, 4), w = values(out * in, 5);
  for (const std::int64_t target : targets()) {
    hwy::SetSupportedTargetsForTest(target);
    const Packed packed = pack(w, out, in);
    const auto together = product(x, rows, packed);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::vector<float> row(x.begin() + r * in, x.begin() + (r + 1) * in);
      const auto alone = product(row, 1, packed);
      ASSERT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + r * out))
          << hwy::TargetName(target) << " row " << r;
    }
  }
}

TEST_P(Gemm, targets_with_fused_multiply_add_agree_bit_for_bit) {
  const auto [rows, out, in] = GetParam();
  const auto x = values(rows * in, 6), w = values(out * in, 7);
  std::vector<std::vector<float>> results;
  for (const std::int64_t target : targets()) {
    const bool fused = target == HWY_AVX2 || target == HWY_AVX3 || target == HWY_AVX3_DL || target == HWY_NEON;
    if (!fused) continue;
    hwy::SetSupportedTargetsForTest(target);
    results.push_back(product(x, rows, pack(w, out, in)));
    EXPECT_EQ(results.back(), results.front()) << hwy::TargetName(target);
  }
}

TEST_P(Gemm, threads_do_not_change_a_bit) {
  const auto [rows, out, in] = GetParam();
  const auto x = values(rows * in, 8), w = values(out * in, 9);
  const int before = threads();
  set_threads(1);
  const auto one = product(x, rows, pack(w, out, in));
  set_threads(3);
  EXPECT_EQ(product(x, rows, pack(w, out, in)), one);
  set_threads(before);
}

INSTANTIATE_TEST_SUITE_P(sizes, Gemm,
                         ::testing::Values(Sizes{1, 1, 1}, Sizes{1, 33, 7}, Sizes{5, 64, 48}, Sizes{14, 31, 64},
                                           Sizes{15, 100, 513}, Sizes{29, 32, 1100}, Sizes{171, 40, 70},
                                           Sizes{340, 33, 401}),
                         [](const auto& s) {
                           return std::to_string(s.param.rows) + "x" + std::to_string(s.param.out) + "x" +
                                  std::to_string(s.param.in);
                         });

TEST(Gemm, several_products_of_one_x_are_each_as_if_alone) {
  const std::int64_t rows = 20, in = 70;
  const auto x = values(rows * in, 1), w = values(130 * in, 2), bias = values(130, 3);
  std::vector<Packed> packed;
  for (std::int64_t out : {31, 64, 130}) packed.push_back(pack(w, out, in));
  std::vector<std::vector<float>> together;
  std::vector<Product> products;
  for (const Packed& p : packed) together.emplace_back(static_cast<std::size_t>(rows * p.out()), NAN);
  for (std::size_t i = 0; i < packed.size(); ++i) {
    products.push_back({&packed[i], i == 1 ? nullptr : bias.data(), together[i].data(), packed[i].out()});
  }
  gemm(x.data(), in, rows, products);
  for (std::size_t i = 0; i < packed.size(); ++i) {
    EXPECT_EQ(together[i], product(x, rows, packed[i], i == 1 ? nullptr : bias.data()));
  }
}

TEST(GemmSerial, accumulates_in_the_same_order_as_one_sum) {
  const std::int64_t in = 50, out = 40;
  const auto x = values(3 * in, 1), w = values(out * in, 2);
  const Packed packed = pack(w, out, in);
  const auto whole = product(x, 3, packed);
  std::vector<float> parts(static_cast<std::size_t>(3 * out), NAN);
  const std::int64_t stride = in * panel_width, cut = 17;
  gemm_serial(x.data(), in, 3, packed.panel(0), stride, cut, parts.data(), out, out, false);
  gemm_serial(x.data() + cut, in, 3, packed.panel(0) + cut * panel_width, stride, in - cut, parts.data(), out, out,
              true);
  EXPECT_EQ(parts, whole);
}

}  // namespace
}  // namespace embscope
