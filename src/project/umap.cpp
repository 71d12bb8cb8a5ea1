// UMAP: McInnes, Healy & Melville (2018); constants as in umap-learn 0.5.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/random.h"
#include "base/threads.h"
#include "embscope/project/projection.h"
#include "kernels/plane.h"
#include "project/affinities.h"
#include "project/pca.h"

namespace embscope {
namespace {

// Membership strengths exp(-(d - rho) / sigma): rho the nearest distance above zero, sigma such that they sum to log2
// of the number of neighbours.
void strengths(std::span<const float> d, double wanted, double mean_of_all, float* w) {
  double rho = 0, mean = 0;
  for (float x : d) mean += static_cast<double>(x) / static_cast<double>(d.size());
  for (float x : d) {
    if (x > 0 && (rho == 0 || static_cast<double>(x) < rho)) rho = static_cast<double>(x);
  }
  auto sum_for = [&](double sigma) {
    double sum = 0;
    for (float x : d) sum += std::exp(-std::max(0.0, static_cast<double>(x) - rho) / sigma);
    return sum;
  };
  double low = 0, high = INFINITY, sigma = 1;
  for (int round = 0; round < 64; ++round) {
    const double off = sum_for(sigma) - wanted;
    if (std::abs(off) < 1e-5) break;
    (off > 0 ? high : low) = sigma;
    sigma = std::isinf(high) ? sigma * 2 : (low + high) / 2;
  }
  sigma = std::max({sigma, 1e-3 * (rho > 0 ? mean : mean_of_all), 1e-30});
  for (std::size_t j = 0; j < d.size(); ++j)
    w[j] = static_cast<float>(std::exp(-std::max(0.0, static_cast<double>(d[j]) - rho) / sigma));
}

Neighbours as_distances(Neighbours n, bool cosine) {
  if (cosine) {
    for (float& v : n.values) v = std::max(0.0f, 1 - v);
  }
  return n;
}

// Numbers for (seed, epoch, point), drawn without a state that threads would share: SplitMix64.
class Draws {
 public:
  Draws(std::uint64_t seed, int epoch, std::int64_t point)
      : state_((seed * 0x9e3779b97f4a7c15) ^ (static_cast<std::uint64_t>(epoch) << 40) ^
               static_cast<std::uint64_t>(point)) {
    next();
  }
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>((next() >> 32) * static_cast<std::uint64_t>(n) >> 32);
  }

 private:
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

void check(const Tensor& v, const UmapOptions& o) {
  const std::int64_t n = v.rows();
  if (n < 4) throw Error(Code::range, "UMAP", fmt::format("{} points: at least 4 are needed", n));
  if (o.neighbours < 2 || o.neighbours > n)
    throw Error(Code::range, "UMAP", fmt::format("{} neighbours of {} points: choose 2 to {}", o.neighbours, n, n));
  if (!(o.min_dist >= 0 && o.min_dist <= 1))
    throw Error(Code::range, "UMAP", fmt::format("a min_dist of {}: choose 0 to 1", o.min_dist));
  if (o.epochs < 0 || o.epochs > 100000)
    throw Error(Code::range, "UMAP", fmt::format("{} epochs: choose 1 to 100000, or 0 for 500 or 200", o.epochs));
  if (o.negatives < 0 || o.negatives > 100)
    throw Error(Code::range, "UMAP", fmt::format("{} negatives: choose 0 to 100", o.negatives));
}

}  // namespace

UmapCurve umap_curve(double min_dist) {
  double a = 1, b = 1, damping = 1e-3;
  auto residual = [&](double x, double a_, double b_) {
    return 1 / (1 + a_ * std::pow(x, 2 * b_)) - (x < min_dist ? 1 : std::exp(min_dist - x));
  };
  auto loss = [&](double a_, double b_) {
    double sum = 0;
    for (int i = 1; i < 300; ++i) sum += std::pow(residual(3.0 * i / 299, a_, b_), 2);
    return sum;
  };
  for (int round = 0; round < 200; ++round) {  // Levenberg-Marquardt
    double aa = 0, ab = 0, bb = 0, ra = 0, rb = 0;
    for (int i = 1; i < 300; ++i) {
      const double x = 3.0 * i / 299, power = std::pow(x, 2 * b), f = 1 / (1 + a * power);
      const double da = -f * f * power, db = -f * f * a * power * 2 * std::log(x), r = residual(x, a, b);
      aa += da * da, ab += da * db, bb += db * db, ra += da * r, rb += db * r;
    }
    const double p = aa * (1 + damping), q = bb * (1 + damping), det = p * q - ab * ab;
    const double next_a = a - (q * ra - ab * rb) / det, next_b = b - (p * rb - ab * ra) / det;
    if (next_a > 0 && next_b > 0 && loss(next_a, next_b) <= loss(a, b)) {
      a = next_a, b = next_b, damping /= 3;
    } else {
      damping *= 4;
    }
  }
  return {a, b};
}

struct Umap::Parts {
  UmapOptions options;
  Affinities edges;  // strengths, the largest 1
  float a = 0, b = 0;
  int done = 0;
  Tensor points, before;

  void move(std::int64_t i, float rate);
};

namespace {

// A step along (dx, dy), each way no longer than 4.
void walk(float* at, float factor, float dx, float dy, float rate) {
  at[0] += rate * std::clamp(factor * dx, -4.0f, 4.0f);
  at[1] += rate * std::clamp(factor * dy, -4.0f, 4.0f);
}

}  // namespace

void Umap::Parts::move(std::int64_t i, float rate) {
  Draws draws(options.seed, done, i);
  float* at = points.row(i).data();
  auto pull = [&](std::int64_t j) {
    const float dx = at[0] - before.row(j)[0], dy = at[1] - before.row(j)[1], square = dx * dx + dy * dy;
    if (square == 0) return;
    const float power = std::pow(square, b);
    walk(at, -2 * a * b * power / (square * (1 + a * power)), dx, dy, rate);
  };
  for (std::int64_t e = edges.offsets[static_cast<std::size_t>(i)]; e < edges.offsets[static_cast<std::size_t>(i) + 1];
       ++e) {
    const auto at_edge = static_cast<std::size_t>(e);
    const double p = static_cast<double>(edges.p[at_edge]);
    if (std::floor((done + 1) * p) == std::floor(done * p)) continue;  // an edge is used in proportion to its strength
    const std::int64_t j = edges.index[at_edge];
    pull(j);
    pull(j);  // the edge is used from both ends, and moves both
    for (int negative = 0; negative < options.negatives; ++negative) {
      const std::int64_t other = draws.below(points.rows());
      const float dx = at[0] - before.row(other)[0], dy = at[1] - before.row(other)[1], square = dx * dx + dy * dy;
      if (other == i || square == 0) continue;
      walk(at, 2 * b / ((0.001f + square) * (1 + a * std::pow(square, b))), dx, dy, rate);
    }
  }
}

Umap::Umap(const Tensor& vectors, const UmapOptions& options, const Progress& progress)
    : parts_(std::make_unique<Parts>()) {
  check(vectors, options);
  Parts& s = *parts_;
  s.options = options;
  const std::int64_t n = vectors.rows();
  if (s.options.epochs == 0) s.options.epochs = n <= 10000 ? 500 : 200;
  const Metric metric = options.cosine ? Metric::cosine : Metric::euclidean;
  Neighbours near =
      as_distances(nearest_neighbours(vectors, {options.neighbours - 1, metric}, progress), options.cosine);
  double mean = 0;
  for (float d : near.values) mean += static_cast<double>(d) / static_cast<double>(near.values.size());
  std::vector<float> directed(near.values.size());
  parallel_for(n, 512, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      strengths(near.values_of(i), std::log2(options.neighbours), mean, directed.data() + i * near.k);
  });
  s.edges = fuzzy_union(std::move(near), std::move(directed));
  const float largest = *std::max_element(s.edges.p.begin(), s.edges.p.end());
  for (float& p : s.edges.p) p /= largest;
  const UmapCurve curve = umap_curve(options.min_dist);
  s.a = static_cast<float>(curve.a), s.b = static_cast<float>(curve.b);

  const int components = static_cast<int>(std::min<std::int64_t>(2, vectors.columns()));
  const Tensor scores = principal_scores(vectors, components, 1e-3);
  float widest = 0;
  for (float x : scores.values()) widest = std::max(widest, std::abs(x));
  Random random(options.seed);
  s.points = Tensor({n, 2});
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::size_t c = 0; c < 2; ++c) {
      const float score = c < static_cast<std::size_t>(components) && widest > 0 ? 10 * scores.row(i)[c] / widest : 0;
      s.points.row(i)[c] = score + static_cast<float>(1e-4 * random.normal());
    }
  }
}

Umap::~Umap() = default;
Umap::Umap(Umap&&) noexcept = default;

bool Umap::step() {
  Parts& s = *parts_;
  if (s.done >= s.options.epochs) return false;
  const float rate = 1 - static_cast<float>(s.done) / static_cast<float>(s.options.epochs);
  s.before = s.points.clone();
  parallel_for(s.points.rows(), 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) s.move(i, rate);
  });
  return ++s.done < s.options.epochs;
}

int Umap::steps_done() const { return parts_->done; }
int Umap::steps() const { return parts_->options.epochs; }
const Tensor& Umap::points() const { return parts_->points; }

}  // namespace embscope
