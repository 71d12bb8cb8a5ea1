#include "project/repulsion.h"

#include <algorithm>
#include <cmath>

#include "base/threads.h"
#include "kernels/plane.h"

namespace embscope {
namespace {

constexpr std::int64_t least_work =
    64 * 1024;  // approximate number of pairs below which threads cost more than they save

struct Box {
  float x = INFINITY, y = INFINITY, x_end = -INFINITY, y_end = -INFINITY;
};

Box box_of(const std::vector<float>& points) {
  Box box;
  for (std::size_t i = 0; i < points.size(); i += 2) {
    box.x = std::min(box.x, points[i]), box.x_end = std::max(box.x_end, points[i]);
    box.y = std::min(box.y, points[i + 1]), box.y_end = std::max(box.y_end, points[i + 1]);
  }
  return box;
}

}  // namespace

double Repulsion::find(const std::vector<float>& points, std::vector<float>& pushes) {
  return exact_ ? by_pairs(points, pushes) : by_grid(points, pushes);
}

double Repulsion::by_pairs(const std::vector<float>& points, std::vector<float>& pushes) {
  const auto n = static_cast<std::int64_t>(points.size()) / 2;
  if (n == 0) return 0;
  const auto padded = static_cast<std::size_t>((n + weight_step - 1) / weight_step * weight_step);
  std::vector<float> x(padded, 1e18f), y(padded, 1e18f);
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) x[i] = points[2 * i], y[i] = points[2 * i + 1];
  std::vector<double> sums(static_cast<std::size_t>(n));
  parallel_for(n, std::max<std::int64_t>(16, least_work / n), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto r = static_cast<std::size_t>(i);
      const Push push = repulsion(x.data(), y.data(), n, x[r], y[r]);
      pushes[2 * r] = push.x, pushes[2 * r + 1] = push.y;
      sums[r] = push.sum - 1;  // a point does not repel itself
    }
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

// Nodes half a unit apart resolve w, whose width is 1; a small map gets finer ones. Spacings go in eighths of an octave
// and sides up to what the transform holds, so that the kernels' own transforms are seldom needed.
void Repulsion::fit_grid(double span) {
  constexpr double widest = 0.5, least_nodes = 64;
  constexpr std::int64_t most_nodes = 2048;
  double spacing = widest;
  if (span < widest * least_nodes)
    spacing = widest * std::exp2(std::floor(8 * std::log2(std::max(span, 1e-12) / (widest * least_nodes))) / 8);
  if (span / spacing > static_cast<double>(most_nodes - 4)) spacing = span / static_cast<double>(most_nodes - 4);
  const auto needed =
      static_cast<std::int64_t>(std::ceil(span / spacing)) + 4;  // cubics reach one node before, two behind
  const std::int64_t side = fft_size(2 * needed) / 2;
  if (convolution_ && spacing == spacing_ && side == side_) return;
  const auto h = static_cast<float>(spacing);
  spacing_ = spacing;
  side_ = side;
  auto even = [h](float dx, float dy) { return 1 / (1 + h * h * (dx * dx + dy * dy)); };
  convolution_ = std::make_unique<PlaneConvolution>(side, even, [=](float dx, float dy) {
    const float w = even(dx, dy);
    return std::array<float, 2>{h * dx * w * w, h * dy * w * w};
  });
}

double Repulsion::by_grid(const std::vector<float>& points, std::vector<float>& pushes) {
  const auto n = static_cast<std::int64_t>(points.size()) / 2;
  const Box box = box_of(points);
  fit_grid(std::max(static_cast<double>(box.x_end - box.x), static_cast<double>(box.y_end - box.y)));
  const std::int64_t stride = convolution_->stride();
  const auto cells = static_cast<std::size_t>(side_ * stride);
  const auto scale = static_cast<float>(1 / spacing_), last = static_cast<float>(side_) - 2.001f;
  auto place = [&](float at, float begin) { return std::min(1 + (at - begin) * scale, last); };
  constexpr std::int64_t shares = 8;  // each with its own grid, added in order
  const std::int64_t share = (n + shares - 1) / shares;
  std::vector<std::vector<float>> grids(static_cast<std::size_t>(shares));
  run_chunks(shares, [&](std::int64_t s) {
    auto& grid = grids[static_cast<std::size_t>(s)];
    grid.assign(cells, 0);
    for (std::int64_t i = s * share; i < std::min(n, (s + 1) * share); ++i) {
      const auto r = static_cast<std::size_t>(2 * i);
      spread(place(points[r], box.x), place(points[r + 1], box.y), grid.data(), stride);
    }
  });
  parallel_for(static_cast<std::int64_t>(cells), 16384, [&](std::int64_t begin, std::int64_t end) {
    for (std::size_t s = 1; s < grids.size(); ++s) {
      for (auto c = static_cast<std::size_t>(begin); c < static_cast<std::size_t>(end); ++c) grids[0][c] += grids[s][c];
    }
  });
  std::vector<float>&field_x = grids[1], &field_y = grids[2];
  const double pairs = convolution_->apply(grids[0].data(), field_x.data(), field_y.data());
  parallel_for(n, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto r = static_cast<std::size_t>(2 * i);
      interpolate(place(points[r], box.x), place(points[r + 1], box.y), field_x.data(), field_y.data(), stride,
                  &pushes[r], &pushes[r + 1]);
    }
  });
  return std::max(pairs - static_cast<double>(n), 1e-30);  // without each point's own 1
}

}  // namespace embscope
