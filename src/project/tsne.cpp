// t-SNE with exact gradients: van der Maaten & Hinton (2008); start and rates as Kobak & Berens (2019) and Belkina et al. (2019).
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/random.h"
#include "base/threads.h"
#include "embscope/projection.h"
#include "project/pca.h"

namespace embscope {
namespace {

constexpr std::int64_t most_points = 5000;

void check(const Tensor& v, const TsneOptions& o) {
  const std::int64_t n = v.rows();
  if (n < 4) throw Error(Code::range, "t-SNE", fmt::format("{} points: at least 4 are needed", n));
  if (n > most_points)
    throw Error(
        Code::range, "t-SNE",
        fmt::format("{} points: exact t-SNE maps at most {}; choose fewer tokens, or the method pca", n, most_points));
  const double largest = static_cast<double>(n - 1) / 3;
  if (!(o.perplexity >= 1) || o.perplexity > largest)
    throw Error(Code::range, "t-SNE",
                fmt::format("a perplexity of {} for {} points: choose 1 to {:.1f}", o.perplexity, n, largest));
  if (o.steps < 1 || o.steps > 1000000)
    throw Error(Code::range, "t-SNE", fmt::format("{} steps: choose 1 to 1000000", o.steps));
  if (!(o.exaggeration >= 1 && o.exaggeration <= 1000))
    throw Error(Code::range, "t-SNE", fmt::format("an exaggeration of {}: choose 1 to 1000", o.exaggeration));
  if (!(o.learning_rate >= 0 && std::isfinite(o.learning_rate)))
    throw Error(Code::range, "t-SNE",
                fmt::format("a learning rate of {}: choose a positive number, or 0 for N / exaggeration", o.learning_rate));
  check_finite(v, "t-SNE");
}

// d[i][j] = 1 - cosine, or the squared Euclidean distance; [N, N] in double.
std::vector<double> distances(const Tensor& v, bool cosine) {
  const std::int64_t n = v.rows(), width = v.columns();
  std::vector<double> x(v.values().begin(), v.values().end()), d(static_cast<std::size_t>(n * n));
  if (cosine) {
    for (std::int64_t i = 0; i < n; ++i) {
      double square = 0;
      for (std::int64_t k = 0; k < width; ++k)
        square += x[static_cast<std::size_t>(i * width + k)] * x[static_cast<std::size_t>(i * width + k)];
      if (square == 0)
        throw Error(Code::range, "t-SNE",
                    fmt::format("vector {} is zero: it has no direction, use the Euclidean metric", i));
      for (std::int64_t k = 0; k < width; ++k) x[static_cast<std::size_t>(i * width + k)] /= std::sqrt(square);
    }
  }
  parallel_for(n, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        const double *a = x.data() + i * width, *b = x.data() + j * width;
        double sums[8] = {};
        std::int64_t k = 0;
        for (; k + 8 <= width; k += 8) {
          for (int s = 0; s < 8; ++s) sums[s] += (a[k + s] - b[k + s]) * (a[k + s] - b[k + s]);
        }
        for (int s = 0; k < width; ++k, ++s) sums[s] += (a[k] - b[k]) * (a[k] - b[k]);
        double square = 0;
        for (double s : sums) square += s;
        d[static_cast<std::size_t>(i * n + j)] =
            cosine ? square / 2 : square;  // |a - b|^2 = 2 - 2 cos for unit vectors
      }
    }
  });
  return d;
}

// Row i of P(j|i): the bandwidth is found by bisection so that the entropy is log(perplexity).
void conditional(const double* d, std::int64_t n, std::int64_t i, double perplexity, double* p) {
  const double wanted = std::log(perplexity);
  double beta = 1, low = 0, high = INFINITY, nearest = INFINITY;
  for (std::int64_t j = 0; j < n; ++j) {
    if (j != i) nearest = std::min(nearest, d[j]);
  }
  for (int round = 0; round < 200; ++round) {
    double sum = 0, weighted = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      p[j] = j == i ? 0 : std::exp(-beta * (d[j] - nearest));
      sum += p[j];
      weighted += p[j] * (d[j] - nearest);
    }
    const double entropy = std::log(sum) + beta * weighted / sum;
    for (std::int64_t j = 0; j < n; ++j) p[j] /= sum;
    if (std::abs(entropy - wanted) < 1e-6) return;
    (entropy > wanted ? low : high) = beta;
    beta = std::isinf(high) ? beta * 2 : (low + high) / 2;
    if (beta > 1e15) return;  // more equal neighbours than the perplexity: no bandwidth tells them apart
  }
}

}  // namespace

struct Tsne::Parts {
  TsneOptions options;
  std::int64_t n = 0;
  std::vector<double> p;  // symmetric, sums to 1, [N, N]
  std::vector<double> x, y, step_x, step_y, gain_x, gain_y, gradient_x, gradient_y, weights;
  Tensor points;
  std::vector<double> trace;
  int done = 0;
  double rate = 0;

  // Gradient of KL(P || Q): 4 sum_j (a p_ij - q_ij) w_ij (y_i - y_j), with w = 1 / (1 + |y_i - y_j|^2), a the exaggeration.
  void find_gradient(double exaggeration);
  double divergence();
  void publish();
};

void Tsne::Parts::find_gradient(double exaggeration) {
  std::vector<double> row_sums(static_cast<std::size_t>(n));
  parallel_for(n, 32, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      double* w = weights.data() + i * n;
      const double xi = x[static_cast<std::size_t>(i)], yi = y[static_cast<std::size_t>(i)];
      for (std::int64_t j = 0; j < n; ++j) {
        const double dx = xi - x[static_cast<std::size_t>(j)], dy = yi - y[static_cast<std::size_t>(j)];
        w[j] = 1 / (1 + dx * dx + dy * dy);
      }
      w[i] = 0;
      double sum = 0;
      for (std::int64_t j = 0; j < n; ++j) sum += w[j];
      row_sums[static_cast<std::size_t>(i)] = sum;
    }
  });
  double total = 0;
  for (double sum : row_sums) total += sum;
  parallel_for(n, 32, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const double *w = weights.data() + i * n, *pi = p.data() + i * n;
      const double xi = x[static_cast<std::size_t>(i)], yi = y[static_cast<std::size_t>(i)];
      double gx[4] = {}, gy[4] = {};
      auto add = [&](std::int64_t j, int s) {
        const double pull = (exaggeration * pi[j] - w[j] / total) * w[j];
        gx[s] += pull * (xi - x[static_cast<std::size_t>(j)]);
        gy[s] += pull * (yi - y[static_cast<std::size_t>(j)]);
      };
      std::int64_t j = 0;
      for (; j + 4 <= n; j += 4) {
        for (int s = 0; s < 4; ++s) add(j + s, s);
      }
      for (int s = 0; j < n; ++j, ++s) add(j, s);
      gradient_x[static_cast<std::size_t>(i)] = 4 * (gx[0] + gx[1] + gx[2] + gx[3]);
      gradient_y[static_cast<std::size_t>(i)] = 4 * (gy[0] + gy[1] + gy[2] + gy[3]);
    }
  });
}

double Tsne::Parts::divergence() {
  double total = 0, kl = 0;
  for (int pass = 0; pass < 2; ++pass) {
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        if (i == j) continue;
        const double dx = x[static_cast<std::size_t>(i)] - x[static_cast<std::size_t>(j)],
                     dy = y[static_cast<std::size_t>(i)] - y[static_cast<std::size_t>(j)];
        const double w = 1 / (1 + dx * dx + dy * dy), pij = p[static_cast<std::size_t>(i * n + j)];
        if (pass == 0)
          total += w;
        else if (pij > 0)
          kl += pij * std::log(pij / std::max(w / total, 1e-300));
      }
    }
  }
  return kl;
}

void Tsne::Parts::publish() {
  for (std::int64_t i = 0; i < n; ++i) {
    points.row(i)[0] = static_cast<float>(x[static_cast<std::size_t>(i)]);
    points.row(i)[1] = static_cast<float>(y[static_cast<std::size_t>(i)]);
  }
}

Tsne::Tsne(const Tensor& vectors, const TsneOptions& options) : parts_(std::make_unique<Parts>()) {
  check(vectors, options);
  Parts& s = *parts_;
  s.options = options;
  const std::int64_t n = s.n = vectors.rows();
  s.rate =
      options.learning_rate > 0 ? options.learning_rate : std::max(static_cast<double>(n) / options.exaggeration, 50.0);
  const std::vector<double> d = distances(vectors, options.cosine);
  std::vector<double> conditionals(static_cast<std::size_t>(n * n));
  parallel_for(n, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      conditional(d.data() + i * n, n, i, options.perplexity, conditionals.data() + i * n);
  });
  s.p.resize(conditionals.size());
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      s.p[static_cast<std::size_t>(i * n + j)] =
          (conditionals[static_cast<std::size_t>(i * n + j)] + conditionals[static_cast<std::size_t>(j * n + i)]) /
          (2 * static_cast<double>(n));
    }
  }
  const Tensor start = principal_scores(vectors, 2, 1e-3);
  double square = 0;
  for (std::int64_t i = 0; i < n; ++i)
    square += static_cast<double>(start.row(i)[0]) * static_cast<double>(start.row(i)[0]);
  const double scale = square > 0 ? 1e-4 / std::sqrt(square / static_cast<double>(n)) : 1;
  Random random(options.seed);
  for (std::int64_t i = 0; i < n; ++i) {  // a jitter keeps equal vectors from lying on one point for ever
    s.x.push_back(start.row(i)[0] * scale + 1e-6 * random.normal());
    s.y.push_back(start.row(i)[1] * scale + 1e-6 * random.normal());
  }
  for (auto* v : {&s.step_x, &s.step_y, &s.gradient_x, &s.gradient_y}) v->assign(static_cast<std::size_t>(n), 0);
  for (auto* v : {&s.gain_x, &s.gain_y}) v->assign(static_cast<std::size_t>(n), 1);
  s.weights.resize(static_cast<std::size_t>(n * n));
  s.points = Tensor({n, 2});
  s.publish();
}

Tsne::~Tsne() = default;
Tsne::Tsne(Tsne&&) noexcept = default;

bool Tsne::step() {
  Parts& s = *parts_;
  if (s.done >= s.options.steps) return false;
  const bool early = s.done < s.options.exaggerated_steps;
  s.find_gradient(early ? s.options.exaggeration : 1);
  const double momentum = early ? 0.5 : 0.8;
  auto move = [&](std::vector<double>& at, std::vector<double>& last, std::vector<double>& gain,
                  const std::vector<double>& gradient) {
    double mean = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
      gain[i] = (gradient[i] > 0) == (last[i] > 0) ? std::max(gain[i] * 0.8, 0.01) : gain[i] + 0.2;
      last[i] = momentum * last[i] - s.rate * gain[i] * gradient[i];
      mean += at[i] += last[i];
    }
    mean /= static_cast<double>(at.size());
    for (double& v : at) v -= mean;
  };
  move(s.x, s.step_x, s.gain_x, s.gradient_x);
  move(s.y, s.step_y, s.gain_y, s.gradient_y);
  if (++s.done % 50 == 0) s.trace.push_back(s.divergence());
  s.publish();
  return s.done < s.options.steps;
}

int Tsne::steps_done() const { return parts_->done; }
const Tensor& Tsne::points() const { return parts_->points; }
double Tsne::divergence() const { return parts_->divergence(); }
const std::vector<double>& Tsne::trace() const { return parts_->trace; }

Tensor Tsne::gradient() const {
  parts_->find_gradient(1);
  Tensor out({parts_->n, 2});
  for (std::int64_t i = 0; i < parts_->n; ++i) {
    out.row(i)[0] = static_cast<float>(parts_->gradient_x[static_cast<std::size_t>(i)]);
    out.row(i)[1] = static_cast<float>(parts_->gradient_y[static_cast<std::size_t>(i)]);
  }
  return out;
}

Tensor tsne(const Tensor& vectors, const TsneOptions& options, const Progress& progress) {
  Tsne map(vectors, options);
  do { report(progress, static_cast<double>(map.steps_done()) / options.steps, "t-SNE"); } while (map.step());
  return map.points().clone();
}

}  // namespace embscope
