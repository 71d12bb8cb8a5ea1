#include "embscope/project/map_quality.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/random.h"
#include "base/threads.h"
#include "project/compared.h"

namespace embscope {
namespace {

constexpr std::int64_t most_pairs = 500'000, pairs_of_point = 200;

// `count` of 0..n without repetition, ascending (Floyd's method on a seeded generator would need a set: n is small
// enough to mark).
std::vector<std::int64_t> drawn(std::int64_t n, std::int64_t count, std::uint64_t seed) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  if (count <= 0 || count >= n) return all;
  Random random(seed);
  for (std::int64_t i = 0; i < count; ++i)
    std::swap(
        all[static_cast<std::size_t>(i)],
        all[static_cast<std::size_t>(i + static_cast<std::int64_t>(random.uniform() * static_cast<double>(n - i)))]);
  all.resize(static_cast<std::size_t>(count));
  std::sort(all.begin(), all.end());
  return all;
}

// Distances of some rows to all others, as numbers that order like distances: 1 - cosine, 1 - product, or half the
// square.
void distances(const Compared& compared, std::span<const std::int64_t> rows, std::vector<float>& out) {
  compared.scores(rows, out);
  const bool euclidean = compared.metric == Metric::euclidean;
  const std::int64_t n = compared.vectors().rows();
  parallel_for(static_cast<std::int64_t>(rows.size()), 8, [&](std::int64_t begin, std::int64_t end) {
    for (float& d :
         std::span(out).subspan(static_cast<std::size_t>(begin * n), static_cast<std::size_t>((end - begin) * n)))
      d = euclidean ? std::max(0.0f, -d) : 1 - d;
  });
}

float plane_distance(const Tensor& points, std::int64_t i, std::int64_t j) {
  const float dx = points.row(i)[0] - points.row(j)[0], dy = points.row(i)[1] - points.row(j)[1];
  return dx * dx + dy * dy;
}

// The k others of smallest distance, ties by lower index, ascending by index.
std::vector<std::int32_t> nearest(std::span<const float> d, std::int64_t self, int k,
                                  std::vector<std::int32_t>& order) {
  order.resize(d.size());
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + self);
  std::nth_element(order.begin(), order.begin() + (k - 1), order.end(), [&](std::int32_t a, std::int32_t b) {
    const float x = d[static_cast<std::size_t>(a)], y = d[static_cast<std::size_t>(b)];
    return x < y || (x == y && a < b);
  });
  std::vector<std::int32_t> out(order.begin(), order.begin() + k);
  std::sort(out.begin(), out.end());
  return out;
}

struct PointQuality {
  double kept, trustworthiness;
};

PointQuality quality_of(std::span<const float> far, std::span<const float> near, std::int64_t self, int k) {
  thread_local std::vector<std::int32_t> order;
  const auto own = nearest(far, self, k, order), shown = nearest(near, self, k, order);
  const auto n = static_cast<double>(far.size());
  double kept = 0, penalty = 0;
  for (std::int32_t j : shown) {
    if (std::binary_search(own.begin(), own.end(), j)) {
      ++kept;
      continue;
    }
    const float d = far[static_cast<std::size_t>(j)];
    std::int64_t nearer = 0;  // its rank is one more
    for (float other : far) nearer += other < d;
    nearer -= far[static_cast<std::size_t>(self)] < d;
    penalty += static_cast<double>(std::max<std::int64_t>(0, nearer + 1 - k));
  }
  return {kept / k, 1 - 2 * penalty / (k * (2 * n - 3 * k - 1))};
}

std::vector<double> ranks(const std::vector<float>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i;
    while (end < order.size() && values[order[end]] == values[order[i]]) ++end;
    for (std::size_t e = i; e < end; ++e)
      out[order[e]] = static_cast<double>(i + end - 1) / 2;  // ties share their mean rank
    i = end;
  }
  return out;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const double mean = (static_cast<double>(a.size()) - 1) / 2;  // of ranks
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean) * (b[i] - mean);
    aa += (a[i] - mean) * (a[i] - mean);
    bb += (b[i] - mean) * (b[i] - mean);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

void check(const Tensor& vectors, const Tensor& points, const QualityOptions& options) {
  const std::int64_t n = vectors.rows();
  if (points.rows() != n || points.columns() != 2)
    throw Error(Code::shape, "map quality", fmt::format("{} vectors and {} points", n, points.shape().text()));
  if (options.k < 1 || 2 * (options.k + 1) > n)
    throw Error(Code::range, "map quality",
                n < 4 ? fmt::format("{} points: at least 4 are needed", n)
                      : fmt::format("{} neighbours of {} points: choose 1 to {}", options.k, n, n / 2 - 1));
}

}  // namespace

MapQuality map_quality(const Tensor& vectors, const Tensor& points, const QualityOptions& options,
                       const Progress& progress) {
  check(vectors, points, options);
  const Compared compared = compared_by(vectors, {1, options.metric, false});
  const std::int64_t n = vectors.rows();
  MapQuality out;
  out.count = n;
  out.ids = drawn(n, options.sample, options.seed);
  out.kept_of.resize(out.ids.size());
  out.trustworthiness_of.resize(out.ids.size());
  const bool all_pairs = !out.sampled() && n * (n - 1) / 2 <= most_pairs;
  std::vector<float> far_pairs, near_pairs, far;
  Random random(options.seed + 1);
  const auto looked = static_cast<std::int64_t>(out.ids.size());
  const std::int64_t at_once = rows_at_once(n);
  for (std::int64_t first = 0; first < looked; first += at_once) {
    report(progress, static_cast<double>(first) / static_cast<double>(looked), "quality of the map");
    const auto rows = std::span(out.ids).subspan(static_cast<std::size_t>(first),
                                                 static_cast<std::size_t>(std::min(at_once, looked - first)));
    distances(compared, rows, far);
    auto row_of = [&](std::int64_t r) {
      return std::span<const float>(far.data() + r * n, static_cast<std::size_t>(n));
    };
    parallel_for(static_cast<std::int64_t>(rows.size()), 4, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> near(static_cast<std::size_t>(n));
      for (std::int64_t r = begin; r < end; ++r) {
        const std::int64_t self = rows[static_cast<std::size_t>(r)];
        for (std::int64_t j = 0; j < n; ++j) near[static_cast<std::size_t>(j)] = plane_distance(points, self, j);
        const PointQuality q = quality_of(row_of(r), near, self, options.k);
        out.kept_of[static_cast<std::size_t>(first + r)] = q.kept;
        out.trustworthiness_of[static_cast<std::size_t>(first + r)] = q.trustworthiness;
      }
    });
    for (std::size_t r = 0; r < rows.size(); ++r) {
      auto pair = [&](std::int64_t j) {
        far_pairs.push_back(row_of(static_cast<std::int64_t>(r))[static_cast<std::size_t>(j)]);
        near_pairs.push_back(plane_distance(points, rows[r], j));
      };
      if (all_pairs) {
        for (std::int64_t j = rows[r] + 1; j < n; ++j) pair(j);
      } else {
        for (std::int64_t d = 0; d < std::min(pairs_of_point, n - 1); ++d) {
          const auto other = static_cast<std::int64_t>(random.uniform() * static_cast<double>(n - 1));
          pair(other + (other >= rows[r]));
        }
      }
    }
  }
  out.kept = std::accumulate(out.kept_of.begin(), out.kept_of.end(), 0.0) / static_cast<double>(looked);
  out.trustworthiness =
      std::accumulate(out.trustworthiness_of.begin(), out.trustworthiness_of.end(), 0.0) / static_cast<double>(looked);
  out.pairs = static_cast<std::int64_t>(far_pairs.size());
  out.rank_correlation = correlation(ranks(far_pairs), ranks(near_pairs));
  return out;
}

}  // namespace embscope
