// The way of a residual vector: in a plane of two vectors, and in that of its own principal components.
#include "embscope/runs/trajectory.h"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "embscope/runs/mix.h"
#include "embscope/vocabulary/similarity.h"

namespace embscope {
namespace {

const std::vector<TokenId> text = {5, 17, 3, 88, 41};

class Trajectory : public ::testing::TestWithParam<const char*> {
 protected:
  const Transformer transformer_{Model::open(EMBSCOPE_TEST_DATA "/reference/" + std::string(GetParam()))};

  std::vector<float> row(TokenId id) const {
    const Tensor v = transformer_.model().embedding(id);
    return {v.values().begin(), v.values().end()};
  }
  std::vector<Tensor> residuals() const {
    Request request;
    request.rows = {text};
    request.capture = {{Point::resid_pre, 0}};
    for (int b = 0; b < static_cast<int>(transformer_.config().blocks); ++b)
      request.capture.push_back({Point::resid_post, b});
    return std::move(transformer_.run(request).rows[0].captured);
  }
};

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

TEST_P(Trajectory, in_a_plane_of_two_vectors_points_are_the_shadows_of_the_residuals) {
  const auto a = row(7), b = row(30);
  const TrajectoryResult result = trajectory(transformer_, {text, 2, {a, b}, {"a", "b"}});
  const auto path = residuals();
  ASSERT_EQ(result.points.rows(), static_cast<std::int64_t>(path.size()));
  const double aa = dot(a, a), ab = dot(a, b), bb = dot(b, b);
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto x = path[i].row(2);
    const double across = dot(x, a) / std::sqrt(aa);
    const double up = (dot(x, b) - ab / aa * dot(x, a)) / std::sqrt(bb - ab * ab / aa);
    EXPECT_NEAR(static_cast<double>(result.points.row(static_cast<std::int64_t>(i))[0]), across, 1e-4);
    EXPECT_NEAR(static_cast<double>(result.points.row(static_cast<std::int64_t>(i))[1]), up, 1e-4);
  }
  EXPECT_EQ(result.sites.front(), "blocks.0.resid_pre");
  EXPECT_EQ(result.table.rows(), path.size());
}

TEST_P(Trajectory, of_principal_components_keeps_the_centre_at_zero) {
  const TrajectoryResult result = trajectory(transformer_, {text, -1, {}, {}});
  double x = 0, y = 0;
  for (std::int64_t i = 0; i < result.points.rows(); ++i)
    x += static_cast<double>(result.points.row(i)[0]), y += static_cast<double>(result.points.row(i)[1]);
  EXPECT_NEAR(x, 0, 1e-3);
  EXPECT_NEAR(y, 0, 1e-3);
  EXPECT_EQ(result.position, 4);
}

TEST_P(Trajectory, refuses_what_spans_no_plane) {
  const auto a = row(7);
  auto twice = a;
  for (float& v : twice) v *= 2;
  EXPECT_THROW(trajectory(transformer_, {text, 0, {a, twice}, {}}), Error);
  EXPECT_THROW(trajectory(transformer_, {text, 0, {a, std::vector<float>(a.size())}, {}}), Error);
  EXPECT_THROW(trajectory(transformer_, {text, 0, {a}, {}}), Error);
  EXPECT_THROW(trajectory(transformer_, {text, 0, {a, {1, 2}}, {}}), Error);
  EXPECT_THROW(trajectory(transformer_, {text, 5, {}, {}}), Error);
}

TEST_P(Trajectory, neighbours_of_any_vector_agree_with_the_cosine) {
  const auto a = row(7);
  const Model& model = transformer_.model();
  const auto all = cosines_with_all(model, a);
  for (TokenId id = 0; id < model.config().vocab; ++id)
    EXPECT_NEAR(all[static_cast<std::size_t>(id)], cosine(a, row(id)), 1e-12);
  const TokenId own[] = {7};
  const Table with = similar(model, a, 3), without = similar(model, a, 3, own);
  EXPECT_EQ(with.column("id").numbers()[0], 7);
  EXPECT_EQ(without.column("id").numbers()[0], with.column("id").numbers()[1]);
  EXPECT_THROW(similar(model, std::vector<float>(a.size()), 3), Error);
  EXPECT_THROW(similar(model, std::vector<float>(3, 1.0f), 3), Error);
}

INSTANTIATE_TEST_SUITE_P(Models, Trajectory, ::testing::Values("tiny-gpt2", "tiny-llama"));

}  // namespace
}  // namespace embscope
