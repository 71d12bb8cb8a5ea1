// What this machine can do at most: the rate of the packed matrix product at a good shape, and of reading memory.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "embscope/base/threads.h"
#include "kernels/gemm.h"

namespace {

template <typename Work>
double best_seconds(int repeats, const Work& work) {
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

double gemm_gflops() {
  constexpr std::int64_t rows = 1008, out = 2304, in = 768;
  const std::vector<float> x(rows * in, 0.5f);
  std::vector<float> y(rows * out);
  const embscope::Packed w(out, in,
                           [](std::int64_t, float* panel) { std::fill_n(panel, in * embscope::panel_width, 0.25f); });
  const double seconds = best_seconds(30, [&] {
    embscope::gemm(x.data(), in, rows, {{embscope::Product{&w, nullptr, y.data(), out}}});
  });
  return 2e-9 * rows * out * in / seconds;
}

// Sixteen independent sums, so that the additions wait for memory and not for one another.
float sum(const float* x, std::size_t count) {
  float sums[16] = {};
  for (std::size_t i = 0; i < count; i += 16)
    for (std::size_t lane = 0; lane < 16; ++lane) sums[lane] += x[i + lane];
  return *std::max_element(sums, sums + 16);
}

double memory_gb_per_second() {
  constexpr std::size_t floats = std::size_t{1} << 28;  // 1 GiB, far beyond any cache
  const std::vector<float> array(floats, 1);
  const auto threads = static_cast<std::size_t>(embscope::threads());
  const std::size_t share = floats / threads / 16 * 16;
  std::vector<float> sums(threads);
  const double seconds = best_seconds(8, [&] {
    std::vector<std::jthread> readers;
    for (std::size_t t = 0; t < threads; ++t)
      readers.emplace_back([&, t] { sums[t] = sum(array.data() + t * share, share); });
  });
  if (sums[0] < 0) std::puts("");  // keeps the sums alive
  return 1e-9 * static_cast<double>(threads * share * sizeof(float)) / seconds;
}

}  // namespace

int main() {
  std::printf("{\"gemm_gflops\": %.1f, \"memory_gb_per_s\": %.1f}\n", gemm_gflops(), memory_gb_per_second());
}
