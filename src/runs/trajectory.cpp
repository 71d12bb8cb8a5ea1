#include "embscope/runs/trajectory.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "embscope/project/projection.h"
#include "forward/request.h"
#include "kernels/dot.h"
#include "runs/site_vectors.h"
#include "runs/watch.h"

namespace embscope {
namespace {

using Axis = std::vector<double>;

// At unit length. The rounding error that remains of a parallel vector is not a direction.
Axis unit(Axis axis, double least) {
  const double length = std::sqrt(dot(axis, axis));
  if (!(length > least))
    throw Error(Code::range, "plane", "the two vectors span no plane: one is zero, or they are parallel");
  for (double& x : axis) x /= length;
  return axis;
}

// Gram and Schmidt.
std::vector<Axis> plane_of(const TrajectoryRequest& r, std::int64_t width) {
  if (r.axes.size() != 2)
    throw Error(Code::usage, "plane", fmt::format("{} vectors: a plane takes two", r.axes.size()));
  for (const auto& axis : r.axes) {
    if (static_cast<std::int64_t>(axis.size()) != width)
      throw Error(Code::shape, "plane", fmt::format("{} values: a vector of this model has {}", axis.size(), width));
  }
  const Axis across = unit({r.axes[0].begin(), r.axes[0].end()}, 0);
  Axis up(r.axes[1].begin(), r.axes[1].end());
  const double length = std::sqrt(dot(up, up)), along = dot(across, up);
  for (std::size_t i = 0; i < up.size(); ++i) up[i] -= along * across[i];
  return {across, unit(std::move(up), 1e-6 * length)};
}

Tensor residuals(const Transformer& transformer, const TrajectoryRequest& r, TrajectoryResult& result,
                 const Progress& progress) {
  const Config& config = transformer.config();
  const std::vector<Site> sites = layer_sites(config);
  // later positions cannot change it
  const std::span<const TokenId> ids(r.ids.data(), static_cast<std::size_t>(result.position) + 1);
  const Watched run = watch(transformer, ids, sites, result.position, result.position + 1, progress);
  Tensor rows = Tensor::uninitialised({config.blocks + 1, config.width});
  for (std::size_t i = 0; i < sites.size(); ++i) {
    result.sites.push_back(sites[i].name());
    std::ranges::copy(run.values.at(sites[i], 0), rows.row(static_cast<std::int64_t>(i)).begin());
  }
  return rows;
}

}  // namespace

TrajectoryResult trajectory(const Transformer& transformer, const TrajectoryRequest& r, const Progress& progress) {
  TrajectoryResult result;
  result.position = position_in(r.ids.size(), r.position, "trajectory");
  std::vector<Axis> plane;
  if (!r.axes.empty()) plane = plane_of(r, transformer.config().width);
  const Tensor path = residuals(transformer, r, result, progress);
  if (plane.empty()) {
    std::vector<double> explained;
    result.points = pca(path, 2, &explained);
    for (std::size_t i = 0; i < 2; ++i)
      result.axes.push_back(
          fmt::format("principal component {} ({:.0f} % of the variance)", i + 1, 100 * explained[i]));
  } else {
    result.points = Tensor::uninitialised({path.rows(), 2});
    for (std::int64_t i = 0; i < path.rows(); ++i) {
      for (std::size_t a = 0; a < 2; ++a) result.points.row(i)[a] = static_cast<float>(dot(path.row(i), plane[a]));
    }
    const auto named = [&](std::size_t i) { return i < r.names.size() ? r.names[i] : fmt::format("vector {}", i + 1); };
    result.axes = {"along " + named(0), fmt::format("along what {} adds", named(1))};
  }
  std::vector<double> block, x, y;
  for (std::int64_t i = 0; i < path.rows(); ++i) {
    block.push_back(static_cast<double>(i - 1));
    x.push_back(static_cast<double>(result.points.row(i)[0])),
        y.push_back(static_cast<double>(result.points.row(i)[1]));
  }
  result.table = Table("the path of the residual vector");
  result.table.add("block", block, whole).add("x", x, 4).add("y", y, 4).add("site", result.sites);
  return result;
}

}  // namespace embscope
