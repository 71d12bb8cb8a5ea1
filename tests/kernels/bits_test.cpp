// The bits of every kernel for inputs that any machine makes alike: the same for AVX2, AVX-512 and NEON.
#include <span>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "embscope/kernels/simd.h"
#include "kernels/backward.h"
#include "kernels/eigen.h"
#include "kernels/fft.h"
#include "kernels/gemm.h"
#include "kernels/narrow.h"
#include "kernels/pairs.h"
#include "kernels/plane.h"
#include "kernels/random_matrix.h"
#include "kernels/vector.h"

namespace embscope {
namespace {

// FNV-1a.
class Fingerprint {
 public:
  template <class T>
  void add(const std::vector<T>& values) {
    for (const std::byte byte : std::as_bytes(std::span(values)))
      hash_ = (hash_ ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  }
  std::string text() const { return fmt::format("{:016x}", hash_); }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

constexpr std::int64_t n = 1003;  // no multiple of any register

// Between -size and size, from a generator of integers: sines of two C libraries could differ.
std::vector<float> values(std::int64_t count, std::uint64_t seed, float size = 1) {
  Random random(seed);
  std::vector<float> v(static_cast<std::size_t>(count));
  for (float& x : v) x = size * (2 * static_cast<float>(random.uniform()) - 1);
  return v;
}

void activations(Fingerprint& bits) {
  for (const auto function : {static_cast<void (*)(float*, std::int64_t)>(gelu_tanh), gelu_exact, silu, softmax}) {
    auto x = values(n, 1, 12);
    function(x.data(), n);
    bits.add(x);
  }
}

void norms(Fingerprint& bits) {
  auto x = values(n, 1, 3);
  const auto gain = values(n, 2), bias = values(n, 3);
  const double shift = mean(x.data(), n);
  const float size = norm_scale(x.data(), static_cast<float>(shift), n, 1e-5f);
  bits.add(std::vector{shift, static_cast<double>(size)});
  normalise(x.data(), static_cast<float>(shift), size, n, x.data());
  gain_bias(x.data(), gain.data(), bias.data(), n, x.data());
  rotate_halves(x.data(), gain.data(), bias.data(), n / 2);
  bits.add(x);
}

void gradients(Fingerprint& bits) {
  const auto x = values(n, 1, 6), gain = values(n, 2);
  for (const auto function : {gelu_tanh_backward, gelu_exact_backward, silu_backward}) {
    auto dy = values(n, 3);
    function(x.data(), dy.data(), n);
    bits.add(dy);
  }
  const auto dy = values(n, 3);
  auto dx = values(n, 4), dgain = values(n, 5), dbias = values(n, 6), probabilities = x;
  layer_norm_backward(x.data(), 0.1f, 2, gain.data(), dy.data(), n, dx.data(), dgain.data(), dbias.data());
  softmax(probabilities.data(), n);
  softmax_backward(probabilities.data(), dx.data(), n, 0.3f);
  auto logits = x;
  bits.add(std::vector{cross_entropy(logits.data(), n, 7, 0.5f), squares(x.data(), n)});
  for (const auto* v : {&dx, &dgain, &dbias, &logits}) bits.add(*v);
}

void training_step(Fingerprint& bits) {
  auto p = values(n, 1), m = values(n, 2), v = values(n, 3);
  for (float& x : v) x *= x;
  const AdamStep step{1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.271f, 0.142625f, 0.7f};
  adamw(p.data(), m.data(), v.data(), values(n, 4).data(), n, step);
  dropout(p.data(), n, {0.1f, 99}, 5);
  for (const auto* x : {&p, &m, &v}) bits.add(*x);
}

void add_products(Fingerprint& bits, const Packed& w) {
  for (const std::int64_t rows : {1, 2, 5, 33}) {
    const auto x = values(rows * w.in(), 7), bias = values(w.out(), 8);
    std::vector<float> y(static_cast<std::size_t>(rows * w.out()));
    gemm(x.data(), w.in(), rows, {{Product{&w, bias.data(), y.data(), w.out()}}});
    bits.add(y);
  }
}

void packed_products(Fingerprint& bits) {
  constexpr std::int64_t out = 101, in = 307;
  const auto w = values(out * in, 9);
  add_products(bits, Packed(out, in, [&](std::int64_t p, float* panel) {
                 const std::int64_t first = p * panel_width;
                 pack_panel(w.data() + first * in, in, std::min(panel_width, out - first), in, panel);
               }));
}

void stored_products(Fingerprint& bits) {
  for (const DType dtype : stored_types) {
    const RandomMatrix matrix(dtype, 101, columns_for(dtype, 520));
    for (const bool by_inputs : {false, true}) {
      auto s = std::make_shared<Stored>();
      s->view = matrix.view(), s->by_inputs = by_inputs;
      s->out = by_inputs ? s->view.columns() : s->view.rows(), s->in = by_inputs ? s->view.rows() : s->view.columns();
      add_products(bits, Packed(std::move(s)));
    }
  }
}

void sums_in_double(Fingerprint& bits) {
  const auto a = values(n, 1), b = values(n, 2);
  bits.add(std::vector{product_in_double(a.data(), b.data(), n), square_distance_in_double(a.data(), b.data(), n)});
  const std::vector<double> shift(17, 0.01);
  const Matrix64 m = moments(a.data(), 17, shift.data(), b.data(), 17, shift.data(), n / 17);
  bits.add(m.values);
  bits.add(symmetric_eigen(product(m, transpose(m))).values);
  std::vector<double> y(n / 17 * narrow_step), z(17 * narrow_step, 0.5);
  const std::vector<double> narrow(17 * narrow_step, 0.3);
  narrow_product(a.data(), n / 17, 17, shift.data(), narrow.data(), narrow_step, y.data());
  narrow_transposed(a.data(), n / 17, 17, shift.data(), y.data(), narrow_step, z.data());
  bits.add(y);
  bits.add(z);
}

void transforms(Fingerprint& bits) {
  for (const std::int64_t length : {16, 48, 144}) {
    auto re = values(length * Fft::abreast, 1), im = values(length * Fft::abreast, 2),
         scratch = values(2 * length * 16, 3);
    Fft(length).transform(re.data(), im.data(), scratch.data());
    bits.add(re);
    bits.add(im);
  }
}

void points_of_the_plane(Fingerprint& bits) {
  constexpr std::int64_t count = 96;
  const auto points = values(2 * count, 1, 5), p = values(count, 2), x = values(count, 3, 4), y = values(count, 4, 4);
  std::vector<std::int32_t> index(count);
  for (std::int32_t i = 0; i < count; ++i) index[static_cast<std::size_t>(i)] = i * 37 % count;
  const Pull pull = attraction(points.data(), points.data() + 10, index.data(), p.data(), count);
  const Push push = repulsion(x.data(), y.data(), count, 0.3f, -0.2f);
  std::vector<float> squares(count), near(count), grid(40 * 48);
  for (std::size_t i = 0; i < squares.size(); ++i) squares[i] = p[i] * p[i];
  const ExpSums sums = exp_sums(squares.data(), count, 0, 1.7f, near.data());
  bits.add(std::vector{pull.x, pull.y, push.x, push.y});
  bits.add(std::vector{push.sum, sums.sum, sums.first, sums.second,
                       log_distances(points.data(), points.data() + 10, index.data(), p.data(), count)});
  bits.add(near);
  for (std::size_t i = 0; i < x.size(); ++i) spread(20 + x[i], 20 + y[i], grid.data(), 48);
  std::vector<float> there(2);
  interpolate(19.3f, 21.8f, grid.data(), grid.data(), 48, &there[0], &there[1]);
  bits.add(grid);
  bits.add(there);
}

struct Case {
  const char* name;
  void (*run)(Fingerprint&);
  const char* bits;
};

class Bits : public ::testing::TestWithParam<Case> {};

TEST_P(Bits, are_the_same_on_all_instruction_sets_with_fused_multiply_add) {
  const auto targets = simd_targets();
  for (const SimdTarget& target : targets) {
    if (!target.fused) continue;
    set_simd(target.name);
    Fingerprint bits;
    GetParam().run(bits);
    EXPECT_EQ(bits.text(), GetParam().bits) << target.name;
  }
  set_simd(targets.front().name);
}

INSTANTIATE_TEST_SUITE_P(kernels, Bits,
                         ::testing::Values(Case{"activations", activations, "84d0ad6311390f86"},
                                           Case{"norms", norms, "60a295dff0aab43b"},
                                           Case{"gradients", gradients, "25b0a7fe00505249"},
                                           Case{"training_step", training_step, "2afd6e4056147011"},
                                           Case{"packed_products", packed_products, "790e0cc96855fb03"},
                                           Case{"stored_products", stored_products, "8f1971ab291f5efc"},
                                           Case{"sums_in_double", sums_in_double, "bb5069aae35040b1"},
                                           Case{"transforms", transforms, "34df0d1f231505c5"},
                                           Case{"points_of_the_plane", points_of_the_plane, "41c1076185161ee9"}),
                         [](const auto& c) { return std::string(c.param.name); });

}  // namespace
}  // namespace embscope
