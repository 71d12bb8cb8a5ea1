#include "embscope/project/map.h"

#include <filesystem>

#include <gmock/gmock.h>

#include "embscope/project/projection.h"
#include "refusal.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

Tensor cloud() {
  Tensor vectors({60, 5});
  for (std::int64_t i = 0; i < vectors.size(); ++i)
    vectors.data()[i] = static_cast<float>((i * 37 % 101) - 50) / 25 + static_cast<float>(i % 7);
  return vectors;
}

TEST(Map, is_that_of_its_method_told_from_the_first_picture_to_the_last) {
  const Tensor vectors = cloud();
  const MapOptions options{.steps = 30, .perplexity = 5};
  std::vector<Tensor> told;
  const Map map = make_map(vectors, options, [&](const Tensor& points) { told.push_back(points.clone()); });
  const Tensor whole = tsne(vectors, {.perplexity = 5, .exaggerated_steps = 10, .steps = 30});
  EXPECT_TRUE(std::ranges::equal(map.points.values(), whole.values()));
  EXPECT_EQ(told.size(), 32u);  // principal components, every step, the end
  EXPECT_TRUE(std::ranges::equal(told.front().values(), pca(vectors, 2).values()));
  EXPECT_TRUE(std::ranges::equal(told.back().values(), map.points.values()));
  EXPECT_EQ(map.steps_done, 30);
}

TEST(Map, of_components_has_all_of_them_and_draws_two) {
  const Map map = make_map(cloud(), {.method = "pca", .dimensions = 4});
  EXPECT_EQ(map.components.columns(), 4);
  EXPECT_EQ(map.points.columns(), 2);
  EXPECT_EQ(map.points.row(7)[1], map.components.row(7)[1]);
  EXPECT_EQ(map.explained.size(), 4u);
}

TEST(Map, that_is_stopped_goes_on_from_its_file_to_the_same_points) {
  const std::filesystem::path file = std::filesystem::path(::testing::TempDir()) / "map-kept";
  std::filesystem::remove(file);
  const Tensor vectors = cloud();
  const MapOptions options{.steps = 40, .perplexity = 5}, kept{.steps = 40, .perplexity = 5, .kept = file};
  const auto until = [](double fraction, std::string_view) { return fraction < 0.7; };
  EXPECT_THAT(refusal([&] { make_map(vectors, kept, {}, until); }), HasSubstr("the same command goes on from"));
  const Map whole = make_map(vectors, options), resumed = make_map(vectors, kept);
  EXPECT_TRUE(std::ranges::equal(whole.points.values(), resumed.points.values()));
  MapOptions other = kept;
  other.perplexity = 6;
  EXPECT_THAT(refusal([&] { make_map(vectors, other); }), HasSubstr("holds a map of perplexity 5"));
  std::filesystem::remove(file);
}

TEST(Map, refuses_other_methods) {
  EXPECT_THAT(refusal([] { make_map(cloud(), {.method = "som"}); }), HasSubstr("choose tsne, umap or pca"));
  EXPECT_THAT(refusal([] { make_map(cloud(), {.method = "pca", .kept = "x"}); }),
              HasSubstr("only t-SNE keeps a state"));
}

}  // namespace
}  // namespace embscope
