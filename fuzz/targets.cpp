// Every instruction set against every other: fails when two SIMD targets disagree.
#include <cmath>
#include <cstring>
#include <functional>

#include <fuzzer/FuzzedDataProvider.h>

#include "embscope/kernels/simd.h"
#include "input.h"
#include "kernels/gemm.h"
#include "kernels/vector.h"

namespace embscope::fuzz {
namespace {

using Values = std::vector<float>;

// Floats of every size: exact halves, large, tiny, subnormal, and now and then zero.
Values any_values(FuzzedDataProvider& recipe, std::int64_t n) {
  Values values(static_cast<std::size_t>(n));
  for (float& v : values) {
    const int exponent = recipe.ConsumeIntegralInRange(-20, 20);
    v = std::ldexp(static_cast<float>(recipe.ConsumeIntegral<std::int16_t>()) / 32768.0f, exponent);
  }
  return values;
}

Values product(FuzzedDataProvider recipe) {
  const std::int64_t rows = recipe.ConsumeIntegralInRange(1, 33), out = recipe.ConsumeIntegralInRange(1, 70),
                     in = recipe.ConsumeIntegralInRange(1, 90);
  const Values x = any_values(recipe, rows * in), w = any_values(recipe, out * in), bias = any_values(recipe, out);
  const Packed packed(out, in, [&](std::int64_t p, float* panel) {
    pack_panel(w.data() + p * panel_width * in, in, std::min(panel_width, out - p * panel_width), in, panel);
  });
  Values y(static_cast<std::size_t>(rows * out));
  const Product one{&packed, recipe.ConsumeBool() ? bias.data() : nullptr, y.data(), out};
  gemm(x.data(), in, rows, {&one, 1});
  return y;
}

Values elementwise(FuzzedDataProvider recipe) {
  const std::int64_t n = recipe.ConsumeIntegralInRange(1, 70);
  const int which = recipe.ConsumeIntegralInRange(0, 11);
  Values x = any_values(recipe, n);
  const Values y = any_values(recipe, n);
  switch (which) {
    case 0: add(x.data(), y.data(), n, x.data()); break;
    case 1: x = {static_cast<float>(mean(x.data(), n))}; break;
    case 2: x = {norm_scale(x.data(), y[0], n, 1e-5f)}; break;
    case 3: normalise(Values(x).data(), y[0], 1.5f, n, x.data()); break;
    case 4: gain_bias(Values(x).data(), y.data(), y.data(), n, x.data()); break;
    case 5: scale(x.data(), y[0], n); break;
    case 6: gelu_tanh(x.data(), n); break;
    case 7: gelu_exact(x.data(), n); break;
    case 8: silu(x.data(), n); break;
    case 9: multiply(x.data(), y.data(), n); break;
    case 10: softmax(x.data(), n); break;
    default: rotate_halves(x.data(), y.data(), y.data() + n / 2, n / 2); break;
  }
  return x;
}

void compare(const std::function<Values()>& run, const char* what) {
  static const std::vector<SimdTarget> targets = simd_targets();
  Values first;
  for (const SimdTarget& target : targets) {
    if (!target.fused) continue;  // without fused multiply-add the sums round differently (docs/testing.md)
    set_simd(target.name);
    const Values values = run();
    if (first.empty()) first = values;
    hold(values.size() == first.size() && std::memcmp(values.data(), first.data(), values.size() * sizeof(float)) == 0,
         fmt::format("{} on {} differs from the first target", what, target.name));
  }
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embscope::fuzz;
  FuzzedDataProvider recipe(data, size);
  if (recipe.ConsumeBool())
    compare([&] { return product(FuzzedDataProvider(data, size)); }, "the product");
  else
    compare([&] { return elementwise(FuzzedDataProvider(data, size)); }, "a row's arithmetic");
  return 0;
}
