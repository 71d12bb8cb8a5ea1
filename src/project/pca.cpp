// Principal components by randomised subspace iteration (Halko, Martinsson & Tropp 2011) with a Rayleigh-Ritz step,
// which also tells apart components of nearly equal variance. The covariance matrix is never formed.
#include "project/pca.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/random.h"
#include "base/threads.h"
#include "embscope/project/projection.h"
#include "kernels/dot.h"
#include "kernels/narrow.h"
#include "kernels/vector.h"

namespace embscope {
namespace {

using Vector = std::vector<double>;
using Block = std::vector<Vector>;  // columns

constexpr std::int64_t rows_at_once = 1024;

// Gram-Schmidt, twice for accuracy; a vector that vanishes becomes zero.
void orthonormalise(Block& vectors) {
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

// Eigenvalues of a small symmetric matrix onto its diagonal, its eigenvectors into the rows of `axes` (Jacobi 1846).
void diagonalise(Block& a, Block& axes) {
  const std::size_t n = a.size();
  axes.assign(n, Vector(n));
  for (std::size_t i = 0; i < n; ++i) axes[i][i] = 1;
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0, on = 0;
    for (std::size_t p = 0; p < n; ++p) {
      on += a[p][p] * a[p][p];
      for (std::size_t q = p + 1; q < n; ++q) off += a[p][q] * a[p][q];
    }
    if (off <= 1e-32 * on) return;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        if (a[p][q] == 0) continue;
        const double angle = 0.5 * std::atan2(2 * a[p][q], a[q][q] - a[p][p]), c = std::cos(angle), s = std::sin(angle);
        auto turn = [&](double& x, double& y) {
          const double old = x;
          x = c * old - s * y;
          y = s * old + c * y;
        };
        for (std::size_t k = 0; k < n; ++k) turn(a[k][p], a[k][q]);
        for (std::size_t k = 0; k < n; ++k) turn(a[p][k], a[q][k]);
        for (std::size_t k = 0; k < n; ++k) turn(axes[p][k], axes[q][k]);
      }
    }
  }
}

// The centred matrix X [n, width] as an operator on narrow blocks.
class Centred {
 public:
  explicit Centred(const Tensor& x) : x_(x), mean_(static_cast<std::size_t>(x.columns())) {
    for (std::int64_t i = 0; i < x.rows(); ++i) {
      for (std::size_t k = 0; k < mean_.size(); ++k) mean_[k] += static_cast<double>(x.row(i)[k]);
    }
    for (double& m : mean_) m /= static_cast<double>(x.rows());
    for (std::int64_t i = 0; i < x.rows(); ++i) {
      for (std::size_t k = 0; k < mean_.size(); ++k) {
        const double from_mean = static_cast<double>(x.row(i)[k]) - mean_[k];
        variance_ += from_mean * from_mean;
      }
    }
  }

  double variance() const { return variance_; }  // of all dimensions together, times n

  // X b, row-major [n, padded], for b of `block.size()` columns.
  Vector scores(const Block& block) const {
    const std::int64_t columns = padded(block);
    const Vector b = interleaved(block);
    Vector y(static_cast<std::size_t>(x_.rows() * columns));
    parallel_for(x_.rows(), rows_at_once, [&](std::int64_t begin, std::int64_t end) {
      narrow_product(x_.row(begin).data(), end - begin, x_.columns(), mean_.data(), b.data(), columns,
                     y.data() + begin * columns);
    });
    return y;
  }

  // X^T X b.
  Block covariance_times(const Block& block) const {
    const std::int64_t columns = padded(block), width = x_.columns();
    const Vector b = interleaved(block);
    const std::int64_t share = std::max(rows_at_once, (x_.rows() + 15) / 16), shares = (x_.rows() + share - 1) / share;
    std::vector<Vector> parts(static_cast<std::size_t>(shares));  // of fixed rows, added in order
    run_chunks(shares, [&](std::int64_t s) {
      Vector& z = parts[static_cast<std::size_t>(s)];
      z.assign(static_cast<std::size_t>(width * columns), 0);
      Vector y(static_cast<std::size_t>(rows_at_once * columns));
      const std::int64_t last = std::min(x_.rows(), (s + 1) * share);
      for (std::int64_t r = s * share; r < last; r += rows_at_once) {
        const std::int64_t rows = std::min(rows_at_once, last - r);
        narrow_product(x_.row(r).data(), rows, width, mean_.data(), b.data(), columns, y.data());
        narrow_transposed(x_.row(r).data(), rows, width, mean_.data(), y.data(), columns, z.data());
      }
    });
    Block out(block.size(), Vector(static_cast<std::size_t>(width)));
    for (std::size_t c = 0; c < out.size(); ++c) {
      for (std::size_t k = 0; k < out[c].size(); ++k) {
        for (const Vector& part : parts) out[c][k] += part[k * static_cast<std::size_t>(columns) + c];
      }
    }
    return out;
  }

  static std::int64_t padded(const Block& block) {
    return (static_cast<std::int64_t>(block.size()) + narrow_step - 1) / narrow_step * narrow_step;
  }

 private:
  static Vector interleaved(const Block& block) {
    const auto columns = static_cast<std::size_t>(padded(block));
    Vector out(block[0].size() * columns);
    for (std::size_t c = 0; c < block.size(); ++c) {
      for (std::size_t k = 0; k < block[c].size(); ++k) out[k * columns + c] = block[c][k];
    }
    return out;
  }

  const Tensor& x_;
  Vector mean_;
  double variance_ = 0;
};

// block [c] <- sum_e axes[order[c]][e] block[e]
void rotate(Block& block, const Block& axes, const std::vector<std::size_t>& order) {
  Block out(block.size(), Vector(block[0].size()));
  for (std::size_t c = 0; c < block.size(); ++c) {
    for (std::size_t e = 0; e < block.size(); ++e) {
      const double share = axes[order[c]][e];
      for (std::size_t k = 0; k < out[c].size(); ++k) out[c][k] += share * block[e][k];
    }
  }
  block = std::move(out);
}

// Rotates an orthonormal basis and its image A basis to the best eigenvectors within it (Rayleigh-Ritz), largest first.
Vector turn_to_axes(Block& basis, Block& image) {
  const std::size_t n = basis.size();
  Block small(n, Vector(n)), axes;
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = 0; b <= a; ++b) small[a][b] = small[b][a] = dot(basis[a], image[b]);
  }
  diagonalise(small, axes);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return small[a][a] > small[b][b]; });
  rotate(basis, axes, order);
  rotate(image, axes, order);
  Vector values;
  for (std::size_t c : order) values.push_back(small[c][c]);
  return values;
}

double largest_residual(const Block& basis, const Block& image, const Vector& values, int count) {
  double largest = 0;
  for (std::size_t c = 0; c < static_cast<std::size_t>(count); ++c) {
    double square = 0;
    for (std::size_t k = 0; k < basis[c].size(); ++k) {
      const double off = image[c][k] - values[c] * basis[c][k];
      square += off * off;
    }
    largest = std::max(largest, std::sqrt(square));
  }
  return largest;
}

void check(const Tensor& vectors, int count) {
  const std::int64_t n = vectors.rows(), width = vectors.columns();
  if (n < 2) throw Error(Code::range, "pca", fmt::format("{} vectors: at least 2 are needed", n));
  if (count < 1 || count > std::min(n, width))
    throw Error(Code::range, "pca",
                fmt::format("{} components of {} vectors of {} dimensions: choose 1 to {}", count, n, width,
                            std::min(n, width)));
  check_finite(vectors, "pca");
}

}  // namespace

void check_finite(const Tensor& vectors, const char* who) {
  for (std::int64_t i = 0; i < vectors.rows(); ++i) {
    if (!all_finite(vectors.row(i).data(), vectors.columns()))
      throw Error(Code::range, who, fmt::format("vector {} holds NaN or infinite values", i));
  }
}

Tensor principal_scores(const Tensor& vectors, int count, double tolerance, std::vector<double>* explained) {
  check(vectors, count);
  const std::int64_t n = vectors.rows(), width = vectors.columns();
  const Centred centred(vectors);
  // More than requested: convergence depends on the first eigenvalue that is left out.
  const std::int64_t carried = std::min({n, width, (count + 15) / narrow_step * narrow_step});
  Block basis(static_cast<std::size_t>(carried), Vector(static_cast<std::size_t>(width)));
  Random random(1);
  for (Vector& v : basis) {
    for (double& x : v) x = random.normal();
  }
  Vector values;
  const auto most_rounds = std::clamp<std::int64_t>(400'000'000 / (n * width), 60, 1000);
  for (std::int64_t round = 0; round < most_rounds; ++round) {
    orthonormalise(basis);
    Block image = centred.covariance_times(basis);
    values = turn_to_axes(basis, image);
    if (largest_residual(basis, image, values, count) <= tolerance * values[0]) break;
    if (round + 1 < most_rounds) basis = std::move(image);
  }
  basis.resize(static_cast<std::size_t>(count));
  const Vector scores = centred.scores(basis);
  const auto stride = static_cast<std::size_t>(Centred::padded(basis));
  Tensor out({n, count});
  if (explained != nullptr) explained->clear();
  for (std::size_t c = 0; c < basis.size(); ++c) {
    double largest = 0;  // of the scores, with its sign
    for (std::size_t i = c; i < scores.size(); i += stride)
      largest = std::abs(scores[i]) > std::abs(largest) ? scores[i] : largest;
    for (std::int64_t i = 0; i < n; ++i)
      out.row(i)[c] = static_cast<float>((largest < 0 ? -1 : 1) * scores[static_cast<std::size_t>(i) * stride + c]);
    if (explained != nullptr)
      explained->push_back(centred.variance() > 0 ? std::clamp(values[c] / centred.variance(), 0.0, 1.0) : 0);
  }
  return out;
}

Tensor pca(const Tensor& vectors, int count, std::vector<double>* explained) {
  return principal_scores(vectors, count, 1e-10, explained);
}

}  // namespace embscope
