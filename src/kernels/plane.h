// Arithmetic on points of the plane that attract and repel one another, as t-SNE's gradient needs it.
#pragma once

#include <cstdint>

namespace embscope {

/// Weights come in rows of a multiple of this; the padding has weight 0 and any index that exists.
inline constexpr std::int64_t weight_step = 16;

/// sum_j p_j w_j (at - points[index_j]) with w = 1 / (1 + |at - points[j]|^2). points [.][2], count a multiple of
/// weight_step.
struct Pull {
  float x, y;
};
Pull attraction(const float* points, const float* at, const std::int32_t* index, const float* p, std::int64_t count);

/// sum_j p_j log(1 + |at - points[index_j]|^2), in double over the steps.
double log_distances(const float* points, const float* at, const std::int32_t* index, const float* p,
                     std::int64_t count);

/// sum_j w_j^2 (at - (x_j, y_j)) and sum_j w_j over j < count. x, y padded to weight_step with places so far that w is
/// 0.
struct Push {
  float x, y;
  double sum;
};
Push repulsion(const float* x, const float* y, std::int64_t count, float at_x, float at_y);

/// p_j = exp(-beta (d_j - nearest)); returns sum p, sum p (d - nearest), sum p (d - nearest)^2.
struct ExpSums {
  double sum, first, second;
};
ExpSums exp_sums(const float* d, std::int64_t count, float nearest, float beta, float* p);

/// Cubic interpolation between the nodes of a grid of `stride` nodes a row (Lagrange's polynomial through four nodes
/// each way). Adds a point's charge 1 to the 16 nodes around it; u = place in nodes, 1 <= u < side - 2.
void spread(float u, float v, float* grid, std::int64_t stride);

/// The two fields' values at a place between the nodes.
void interpolate(float u, float v, const float* field_x, const float* field_y, std::int64_t stride, float* out_x,
                 float* out_y);

}  // namespace embscope
