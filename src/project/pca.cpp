// Principal components through the smaller of the two Gram matrices, by subspace iteration.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/random.h"
#include "base/threads.h"
#include "embscope/projection.h"

namespace embscope {
namespace {

using Matrix64 = std::vector<double>;  // row-major

// y[i] = sum_k a[i][k] x[k] for x [n, count] kept as `count` vectors.
void multiply(const Matrix64& a, std::int64_t n, const std::vector<Matrix64>& x, std::vector<Matrix64>& y) {
  parallel_for(n, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::size_t c = 0; c < x.size(); ++c) {
        double sums[4] = {};
        const double *row = a.data() + i * n, *v = x[c].data();
        std::int64_t k = 0;
        for (; k + 4 <= n; k += 4) {
          for (int s = 0; s < 4; ++s) sums[s] += row[k + s] * v[k + s];
        }
        for (int s = 0; k < n; ++k, ++s) sums[s] += row[k] * v[k];
        y[c][static_cast<std::size_t>(i)] = sums[0] + sums[1] + sums[2] + sums[3];
      }
    }
  });
}

double dot(const Matrix64& a, const Matrix64& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Gram-Schmidt, twice for accuracy; a vector that vanishes stays zero.
void orthonormalise(std::vector<Matrix64>& vectors) {
  for (std::size_t c = 0; c < vectors.size(); ++c) {
    const double before = std::sqrt(dot(vectors[c], vectors[c]));
    for (int round = 0; round < 2; ++round) {
      for (std::size_t e = 0; e < c; ++e) {
        const double along = dot(vectors[c], vectors[e]);
        for (std::size_t i = 0; i < vectors[c].size(); ++i) vectors[c][i] -= along * vectors[e][i];
      }
    }
    const double length = std::sqrt(dot(vectors[c], vectors[c]));
    for (double& v : vectors[c]) v = length > 1e-12 * before && length > 0 ? v / length : 0;
  }
}

}  // namespace

Tensor pca(const Tensor& vectors, int count, std::vector<double>* explained) {
  const std::int64_t n = vectors.rows(), width = vectors.columns();
  if (n < 2) throw Error(Code::range, "pca", fmt::format("{} vectors: at least 2 are needed", n));
  if (count < 1 || count > std::min(n, width))
    throw Error(Code::range, "pca",
                fmt::format("{} components of {} vectors of {} dimensions: choose 1 to {}", count, n, width,
                            std::min(n, width)));
  for (float x : vectors.values()) {
    if (!std::isfinite(x)) throw Error(Code::range, "pca", "the vectors hold NaN or infinite values");
  }
  std::vector<double> mean(static_cast<std::size_t>(width));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < width; ++k)
      mean[static_cast<std::size_t>(k)] += vectors.row(i)[static_cast<std::size_t>(k)];
  }
  for (double& m : mean) m /= static_cast<double>(n);
  // points beside dimensions or dimensions beside points: whichever Gram matrix is smaller
  const bool by_points = n <= width;
  const std::int64_t side = by_points ? n : width, other = by_points ? width : n;
  Matrix64 centred(static_cast<std::size_t>(side * other));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < width; ++k) {
      centred[static_cast<std::size_t>(by_points ? i * other + k : k * other + i)] =
          vectors.row(i)[static_cast<std::size_t>(k)] - mean[static_cast<std::size_t>(k)];
    }
  }
  Matrix64 gram(static_cast<std::size_t>(side * side));
  parallel_for(side, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t a = begin; a < end; ++a) {
      for (std::int64_t b = 0; b < side; ++b) {
        const double *x = centred.data() + std::min(a, b) * other, *y = centred.data() + std::max(a, b) * other;
        double sums[8] = {};
        std::int64_t k = 0;
        for (; k + 8 <= other; k += 8) {
          for (int s = 0; s < 8; ++s) sums[s] += x[k + s] * y[k + s];
        }
        for (int s = 0; k < other; ++k, ++s) sums[s] += x[k] * y[k];
        double sum = 0;
        for (double s : sums) sum += s;
        gram[static_cast<std::size_t>(a * side + b)] = sum;
      }
    }
  });
  double variance = 0;
  for (std::int64_t a = 0; a < side; ++a) variance += gram[static_cast<std::size_t>(a * side + a)];

  const int carried =
      static_cast<int>(std::min<std::int64_t>(side, count + 8));  // more than asked for: faster convergence
  Random random(1);
  std::vector<Matrix64> basis(static_cast<std::size_t>(carried), Matrix64(static_cast<std::size_t>(side))),
      image = basis;
  for (auto& v : basis) {
    for (double& x : v) x = random.normal();
  }
  orthonormalise(basis);
  std::vector<double> values(static_cast<std::size_t>(carried));
  for (int round = 0; round < 1000; ++round) {
    multiply(gram, side, basis, image);
    double change = 0;
    for (int c = 0; c < carried; ++c) {
      const double value = dot(basis[static_cast<std::size_t>(c)], image[static_cast<std::size_t>(c)]);
      if (c < count) change = std::max(change, std::abs(value - values[static_cast<std::size_t>(c)]));
      values[static_cast<std::size_t>(c)] = value;
    }
    if (change <= 1e-12 * variance) break;
    std::swap(basis, image);
    orthonormalise(basis);
  }
  std::vector<std::size_t> order(static_cast<std::size_t>(carried));
  for (std::size_t c = 0; c < order.size(); ++c) order[c] = c;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });

  Tensor out({n, count});
  if (explained != nullptr) explained->clear();
  for (int c = 0; c < count; ++c) {
    const Matrix64& v = basis[order[static_cast<std::size_t>(c)]];
    const double value = values[order[static_cast<std::size_t>(c)]];
    std::vector<double> score(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) {
      if (by_points) {
        score[static_cast<std::size_t>(i)] = v[static_cast<std::size_t>(i)] * std::sqrt(std::max(0.0, value));
      } else {
        for (std::int64_t k = 0; k < width; ++k)
          score[static_cast<std::size_t>(i)] +=
              v[static_cast<std::size_t>(k)] * centred[static_cast<std::size_t>(k * other + i)];
      }
    }
    const auto largest =
        std::max_element(score.begin(), score.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
    const double sign = *largest < 0 ? -1 : 1;
    for (std::int64_t i = 0; i < n; ++i)
      out.row(i)[static_cast<std::size_t>(c)] = static_cast<float>(sign * score[static_cast<std::size_t>(i)]);
    if (explained != nullptr) explained->push_back(variance > 0 ? value / variance : 0);
  }
  return out;
}

}  // namespace embscope
