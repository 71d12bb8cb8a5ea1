// New points on a finished map.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/threads.h"
#include "embscope/project/projection.h"
#include "kernels/plane.h"
#include "project/affinities.h"

namespace embscope {
namespace {

// The finished map, as the kernels read it.
struct Fixed {
  std::vector<float> x, y;
  const Tensor& points;

  explicit Fixed(const Tensor& map) : points(map) {
    const auto padded = static_cast<std::size_t>((map.rows() + weight_step - 1) / weight_step * weight_step);
    x.assign(padded, 1e18f), y.assign(padded, 1e18f);
    for (std::int64_t i = 0; i < map.rows(); ++i)
      x[static_cast<std::size_t>(i)] = map.row(i)[0], y[static_cast<std::size_t>(i)] = map.row(i)[1];
  }
};

// One point: sum_j p_j w (y - y_j) against sum_j w^2 (y - y_j) / Z, with steps no longer than a quarter.
void settle(const Fixed& fixed, const std::vector<std::int32_t>& index, const std::vector<float>& p, int steps,
            float* at) {
  float last[2] = {};
  constexpr float momentum = 0.5f, longest = 0.25f;
  for (int step = 0; step < steps; ++step) {
    const Pull pull = attraction(fixed.points.data(), at, index.data(), p.data(), static_cast<std::int64_t>(p.size()));
    const Push push = repulsion(fixed.x.data(), fixed.y.data(), fixed.points.rows(), at[0], at[1]);
    const auto z = static_cast<float>(std::max(push.sum, 1e-30));
    const float gradient[2] = {4 * (pull.x - push.x / z), 4 * (pull.y - push.y / z)};
    const float length = std::hypot(gradient[0], gradient[1]), factor = length > longest ? longest / length : 1;
    for (int c = 0; c < 2; ++c) at[c] += last[c] = momentum * last[c] - factor * gradient[c];
  }
}

}  // namespace

Tensor place(const Tensor& vectors, const Tensor& points, const Tensor& added, const PlaceOptions& options) {
  if (points.rows() != vectors.rows() || points.columns() != 2 || vectors.rows() == 0)
    throw Error(Code::shape, "place", fmt::format("{} vectors and points {}", vectors.rows(), points.shape().text()));
  if (!(options.perplexity >= 1 && options.perplexity <= 1000))
    throw Error(Code::range, "place", fmt::format("a perplexity of {}: choose 1 to 1000", options.perplexity));
  if (options.steps < 0 || options.steps > 100000)
    throw Error(Code::range, "place", fmt::format("{} steps: choose 0 to 100000", options.steps));
  const Fixed fixed(points);
  const Metric metric = options.cosine ? Metric::cosine : Metric::euclidean;
  const int k = static_cast<int>(3 * options.perplexity);
  Tensor out({added.rows(), 2});
  for (std::int64_t i = 0; i < added.rows(); ++i) {
    const Neighbours near = nearest_to(added.row(i), vectors, {k, metric});
    std::vector<float> p =
        conditional_weights(near, metric, std::min(options.perplexity, static_cast<double>(near.k) / 2 + 0.5));
    std::vector<std::int32_t> index = near.ids;
    const auto padded = (p.size() + weight_step - 1) / weight_step * weight_step;
    p.resize(padded), index.resize(padded);
    float* at = out.row(i).data();
    for (std::size_t j = 0; j < p.size(); ++j) {
      for (std::size_t c = 0; c < 2; ++c) at[c] += p[j] * points.row(index[j])[c];
    }
    settle(fixed, index, p, options.steps, at);
  }
  return out;
}

}  // namespace embscope
