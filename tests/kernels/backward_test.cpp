#include "kernels/backward.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/every_target.h"
#include "kernels/gemm.h"
#include "kernels/vector.h"

namespace embscope {
namespace {

std::vector<float> values(std::int64_t n, double seed, double size = 1) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < v.size(); ++i)
    v[i] = static_cast<float>(size * std::sin(static_cast<double>(i) * 12.9898 + seed));
  return v;
}

double gelu(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

TEST(Backward, gelu_is_the_slope_of_gelu) {
  on_every_target([](const char* target) {
    const auto x = values(61, 1, 6);
    std::vector<float> dy(x.size(), 2);
    gelu_tanh_backward(x.data(), dy.data(), 61);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = x[i], slope = (gelu(v + 1e-5) - gelu(v - 1e-5)) / 2e-5;
      ASSERT_NEAR(dy[i], 2 * slope, 1e-5) << target << " at " << v;
    }
  });
}

TEST(Backward, exact_gelu_is_the_slope_of_exact_gelu) {
  const auto x = values(61, 1, 6);
  std::vector<float> dy(x.size(), 2);
  gelu_exact_backward(x.data(), dy.data(), 61);
  const auto exact = [](double v) { return 0.5 * v * std::erfc(-v / std::sqrt(2)); };
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i], slope = (exact(v + 1e-5) - exact(v - 1e-5)) / 2e-5;
    ASSERT_NEAR(dy[i], 2 * slope, 1e-5) << v;
  }
}

double layer_norm_loss(const std::vector<double>& x, const std::vector<float>& gain, const std::vector<float>& dy) {
  double mean = 0, square = 0, loss = 0;
  for (double v : x) mean += v / static_cast<double>(x.size());
  for (double v : x) square += (v - mean) * (v - mean) / static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    loss += static_cast<double>(dy[i]) * static_cast<double>(gain[i]) * (x[i] - mean) / std::sqrt(square + 1e-5);
  return loss;
}

TEST(Backward, layer_norm_is_the_slope_of_layer_norm) {
  for (const std::int64_t n : {3, 16, 53}) {
    const auto x = values(n, 1, 3), gain = values(n, 2), dy = values(n, 3);
    const auto shift = static_cast<float>(mean(x.data(), n));
    const float size = norm_scale(x.data(), shift, n, 1e-5f);
    on_every_target([&](const char* target) {
      std::vector<float> dx(x.size(), 10), dgain(x.size(), 20), dbias(x.size(), 30);
      layer_norm_backward(x.data(), shift, size, gain.data(), dy.data(), n, dx.data(), dgain.data(), dbias.data());
      for (std::size_t i = 0; i < x.size(); ++i) {
        std::vector<double> more(x.begin(), x.end()), less = more;
        more[i] += 1e-4, less[i] -= 1e-4;
        const double slope = (layer_norm_loss(more, gain, dy) - layer_norm_loss(less, gain, dy)) / 2e-4;
        ASSERT_NEAR(dx[i], 10 + slope, 2e-5) << target << " n " << n << " i " << i;
        ASSERT_NEAR(dgain[i], 20 + dy[i] * (x[i] - shift) / size, 1e-5) << target;
        ASSERT_NEAR(dbias[i], 30 + dy[i], 1e-5) << target;
      }
    });
  }
}

TEST(Backward, softmax_and_cross_entropy_are_their_slopes) {
  on_every_target([](const char* target) {
    for (const std::int64_t n : {1, 7, 16, 40}) {
      auto scores = values(n, 1, 3);
      const auto dp = values(n, 2);
      auto p = scores, ds = dp;
      for (float& v : p) v *= 0.5f;
      softmax(p.data(), n);
      softmax_backward(p.data(), ds.data(), n, 0.5f);
      auto loss = [&](std::size_t changed, double by) {
        double sum = 0, total = 0;
        for (std::size_t i = 0; i < scores.size(); ++i) sum += std::exp(0.5 * (scores[i] + (i == changed ? by : 0)));
        for (std::size_t i = 0; i < scores.size(); ++i)
          total += dp[i] * std::exp(0.5 * (scores[i] + (i == changed ? by : 0))) / sum;
        return total;
      };
      auto logits = scores;
      const double found = cross_entropy(logits.data(), n, n - 1, 2.0f);
      double sum = 0;
      for (float s : scores) sum += std::exp(static_cast<double>(s));
      EXPECT_NEAR(found, std::log(sum) - scores.back(), 1e-6) << target;
      for (std::size_t i = 0; i < scores.size(); ++i) {
        ASSERT_NEAR(ds[i], (loss(i, 1e-5) - loss(i, -1e-5)) / 2e-5, 1e-5) << target;
        const double softmax_i = std::exp(static_cast<double>(scores[i])) / sum;
        ASSERT_NEAR(logits[i], 2 * (softmax_i - (i + 1 == scores.size())), 1e-6) << target;
      }
    }
  });
}

TEST(Backward, cross_entropy_survives_a_target_without_any_probability) {
  std::vector<float> logits{1000, -1000, 0};
  EXPECT_DOUBLE_EQ(cross_entropy(logits.data(), 3, 1, 1), 2000);
  EXPECT_EQ(logits, (std::vector<float>{1, -1, 0}));
}

TEST(Backward, rows_are_summed_in_order_and_added_on_request) {
  on_every_target([](const char* target) {
    const auto x = values(5 * 23, 1);
    std::vector<float> sum(21, 7), more(21, 7);
    sum_rows(x.data(), 23, 5, 21, sum.data(), false);
    sum_rows(x.data(), 23, 5, 21, more.data(), true);
    for (std::size_t j = 0; j < 21; ++j) {
      float expected = 0, added = 7;
      for (std::size_t r = 0; r < 5; ++r) expected += x[r * 23 + j], added += x[r * 23 + j];
      ASSERT_EQ(sum[j], expected) << target;
      ASSERT_EQ(more[j], added) << target;
    }
  });
}

TEST(Dropout, keeps_its_share_and_the_same_elements_in_any_pieces) {
  const std::int64_t n = 100000;
  std::vector<float> first_target;
  on_every_target([&](const char* target) {
    std::vector<float> whole(n, 1), pieces(n, 1), other(n, 1);
    dropout(whole.data(), n, {0.25f, 99}, 1000);
    for (std::int64_t i = 0; i < n; i += 1009)
      dropout(pieces.data() + i, std::min<std::int64_t>(1009, n - i), {0.25f, 99},
              static_cast<std::uint64_t>(1000 + i));
    EXPECT_EQ(whole, pieces) << target;
    if (first_target.empty()) first_target = whole;
    EXPECT_EQ(whole, first_target) << target;
    dropout(other.data(), n, {0.25f, 100}, 1000);
    double kept = 0, both = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      ASSERT_TRUE(whole[i] == 0 || whole[i] == 1 / 0.75f);
      kept += whole[i] != 0, both += whole[i] != 0 && other[i] != 0;
    }
    EXPECT_NEAR(kept / n, 0.75, 0.006);
    EXPECT_NEAR(both / n, 0.75 * 0.75, 0.006);  // another key, another independent choice
    std::vector<float> as_it_is{1, 2, 3};
    dropout(as_it_is.data(), 3, {0, 99}, 0);
    EXPECT_EQ(as_it_is, (std::vector<float>{1, 2, 3}));
  });
}

TEST(AdamW, equals_its_formula) {
  on_every_target([](const char* target) {
    const std::int64_t n = 37;
    auto p = values(n, 1), m = values(n, 2, 0.1), v = values(n, 3, 0.1);
    for (float& x : v) x = x * x;
    const auto g = values(n, 4), p0 = p, m0 = m, v0 = v;
    const AdamStep s{0.01f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.271f, 0.1426f, 0.5f};
    adamw(p.data(), m.data(), v.data(), g.data(), n, s);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double gradient = 0.5 * g[i], first = 0.9 * m0[i] + 0.1 * gradient,
                   second = 0.95 * v0[i] + 0.05 * gradient * gradient;
      ASSERT_NEAR(m[i], first, 1e-6) << target;
      ASSERT_NEAR(v[i], second, 1e-6) << target;
      const double moved = 0.01 * (first / 0.271) / (std::sqrt(second / 0.1426) + 1e-8);
      ASSERT_NEAR(p[i], p0[i] * (1 - 0.001) - moved, 1e-5) << target;
    }
  });
}

TEST(Gemm, transposed_equals_the_sum_over_the_columns_of_x) {
  on_every_target([](const char* target) {
    for (const auto& [rows, depth, columns] :
         {std::tuple<std::int64_t, std::int64_t, std::int64_t>{1, 1, 1}, {14, 33, 32}, {37, 50, 70}}) {
      const auto x = values(depth * (rows + 3), 1), w = values(depth * columns, 2);
      const std::int64_t panels = (columns + panel_width - 1) / panel_width;
      std::vector<float> packed(static_cast<std::size_t>(panels * depth * panel_width)),
          y(static_cast<std::size_t>(rows * columns), 5);
      for (std::int64_t k = 0; k < depth; ++k) {
        for (std::int64_t c = 0; c < columns; ++c)
          packed[static_cast<std::size_t>((c / panel_width * depth + k) * panel_width + c % panel_width)] =
              w[static_cast<std::size_t>(k * columns + c)];
      }
      for (const bool accumulate : {false, true}) {
        gemm_transposed(x.data(), rows + 3, rows, packed.data(), depth * panel_width, depth, y.data(), columns, columns,
                        accumulate);
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t c = 0; c < columns; ++c) {
            double sum = 0;
            for (std::int64_t k = 0; k < depth; ++k)
              sum += static_cast<double>(x[static_cast<std::size_t>(k * (rows + 3) + r)]) *
                     w[static_cast<std::size_t>(k * columns + c)];
            ASSERT_NEAR(y[static_cast<std::size_t>(r * columns + c)], (accumulate ? 2 : 1) * sum, 1e-4) << target;
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace embscope
