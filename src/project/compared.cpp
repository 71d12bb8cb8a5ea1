#include "project/compared.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/threads.h"
#include "kernels/gemm.h"
#include "project/pca.h"

namespace embscope {
namespace {

Tensor without_mean(const Tensor& vectors) {
  Tensor out = vectors.clone();
  std::vector<double> mean(static_cast<std::size_t>(vectors.columns()));
  for (std::int64_t i = 0; i < vectors.rows(); ++i) {
    for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += static_cast<double>(vectors.row(i)[k]);
  }
  for (double& m : mean) m /= static_cast<double>(vectors.rows());
  for (std::int64_t i = 0; i < out.rows(); ++i) {
    for (std::size_t k = 0; k < mean.size(); ++k)
      out.row(i)[k] = static_cast<float>(static_cast<double>(out.row(i)[k]) - mean[k]);
  }
  return out;
}

void check(const Compared& compared, bool zeros_are_left_out) {
  std::int64_t zero = 0, first = -1;
  for (std::size_t i = 0; i < compared.squares.size(); ++i) {
    const bool short_of_digits =
        compared.metric == Metric::cosine && compared.squares[i] > 0 && compared.squares[i] < 1e-60;
    if (short_of_digits)
      throw Error(
          Code::range, "neighbours",
          fmt::format("vector {} has a length of {:.3g}: too short for fp32", i, std::sqrt(compared.squares[i])));
    if (compared.squares[i] > 1e37)
      throw Error(
          Code::range, "neighbours",
          fmt::format("vector {} has a length of {:.3g}: too long for fp32", i, std::sqrt(compared.squares[i])));
    if (compared.squares[i] == 0 && ++zero == 1) first = static_cast<std::int64_t>(i);
  }
  if (compared.metric == Metric::cosine && zero > 0 && !zeros_are_left_out)
    throw Error(Code::range, "neighbours",
                fmt::format("vector {} is zero{}: it has no direction, use the Euclidean metric", first,
                            zero > 1 ? fmt::format(" (and {} more)", zero - 1) : ""));
}

}  // namespace

Compared compared_by(const Tensor& vectors, const NeighbourOptions& options) {
  check_finite(vectors, "neighbours");
  Compared out{&vectors, options.metric, std::nullopt, std::vector<double>(static_cast<std::size_t>(vectors.rows()))};
  // A distance does not change when the mean is removed, and fp32 then cancels less.
  if (options.centred || options.metric == Metric::euclidean) out.copy = without_mean(vectors);
  parallel_for(vectors.rows(), 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      out.squares[static_cast<std::size_t>(i)] = product_in_double(out.row(i), out.row(i), vectors.columns());
  });
  check(out, options.leave_out_zeros);
  for (double square : out.squares) out.longest = std::max(out.longest, std::sqrt(square));
  return out;
}

// Rounding to nearest, as Higham (Accuracy and Stability of Numerical Algorithms, 2002, section 3.1) bounds it: n
// roundings in a chain change a sum of products by at most gamma_n = nu / (1 - nu) times the sum of their sizes, which
// is at most |a| |b|. Beside the D of the product, six for the two factors of unit lengths. A distance adds its two
// halves, two subtractions, and the rounding of both copies, each at most u (|a| + |b|)^2 / 2. Numbers too small for
// fp32 lose 2^-149 each at most.
double Compared::error_bound(std::int64_t i) const {
  constexpr double unit = 0x1p-24, least = 0x1p-149;
  const auto width = static_cast<double>(vectors().columns());
  const double roundings = (width + 6) * unit;
  if (roundings >= 0.5) return INFINITY;
  const double gamma = roundings / (1 - roundings), own = std::sqrt(squares[static_cast<std::size_t>(i)]);
  const double sizes = metric == Metric::cosine ? 1 : own * longest;
  const double halves = metric == Metric::euclidean ? 3 * unit * (own + longest) * (own + longest) : 0;
  return gamma * sizes + halves + width * least;
}

void Compared::scores(std::span<const std::int64_t> rows, std::vector<float>& out) const {
  constexpr std::int64_t columns_at_once = 4096;
  const std::int64_t n = vectors().rows(), width = vectors().columns(), count = static_cast<std::int64_t>(rows.size());
  std::vector<float> x(static_cast<std::size_t>(count * width));
  for (std::int64_t i = 0; i < count; ++i) fill(rows[static_cast<std::size_t>(i)], 1, x.data() + i * width);
  out.resize(static_cast<std::size_t>(count * n));
  for (std::int64_t j = 0; j < n; j += columns_at_once) {
    const std::int64_t columns = std::min(columns_at_once, n - j);
    const Packed packed = packed_rows(
        j, columns, width, [this](std::int64_t first, std::int64_t held, float* to) { fill(first, held, to); });
    const Product product{&packed, nullptr, out.data() + j, n};
    gemm(x.data(), width, count, {&product, 1});
  }
  if (metric != Metric::euclidean) return;
  const std::vector<float> halves = half_squares();
  parallel_for(count, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      to_distances(out.data() + i * n, n, halves[static_cast<std::size_t>(rows[static_cast<std::size_t>(i)])],
                   halves.data());
  });
}

std::vector<float> Compared::half_squares() const {
  std::vector<float> out;
  out.reserve(squares.size());
  for (double square : squares) out.push_back(static_cast<float>(square / 2));
  return out;
}

void to_distances(float* products, std::int64_t n, float own, const float* others) {
  for (std::int64_t j = 0; j < n; ++j) products[j] = products[j] - own - others[j];
}

std::int64_t rows_at_once(std::int64_t n) {
  constexpr std::int64_t most_values = 16 << 20;
  return std::clamp<std::int64_t>(most_values / n, 14, 224);
}

}  // namespace embscope
