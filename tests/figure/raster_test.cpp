// The whole embedding matrix as pixels, read back with libpng.
#include "figure/raster.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <png.h>

#include "embscope/base/threads.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
  Rgb at(int x, int y) const {
    const std::uint8_t* p = rgb.data() + 3 * (y * width + x);
    return {p[0], p[1], p[2]};
  }
};

Picture decoded(const std::vector<std::uint8_t>& png) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&image, png.data(), png.size()), 0) << image.message;
  image.format = PNG_FORMAT_RGB;
  Picture picture{static_cast<int>(image.width), static_cast<int>(image.height), {}};
  picture.rgb.resize(PNG_IMAGE_SIZE(image));
  EXPECT_NE(png_image_finish_read(&image, nullptr, picture.rgb.data(), 0, nullptr), 0) << image.message;
  return picture;
}

void expect_colour(Rgb found, Rgb expected, const std::string& where) {
  EXPECT_TRUE(found.r == expected.r && found.g == expected.g && found.b == expected.b)
      << where << ": " << int{found.r} << "," << int{found.g} << "," << int{found.b} << " instead of "
      << int{expected.r} << "," << int{expected.g} << "," << int{expected.b};
}

TEST(Diverging, is_white_at_zero_red_above_and_blue_below) {
  expect_colour(diverging(0), {255, 255, 255}, "0");
  expect_colour(diverging(1), {178, 24, 43}, "1");
  expect_colour(diverging(-1), {33, 102, 172}, "-1");
  expect_colour(diverging(7), diverging(1), "beyond");
  expect_colour(diverging(-INFINITY), diverging(-1), "beyond");
  for (int tenth = 0; tenth < 10; ++tenth) {  // ever darker
    EXPECT_GT(diverging(tenth / 10.0).g, diverging((tenth + 1) / 10.0).g);
    EXPECT_GT(diverging(-tenth / 10.0).r, diverging(-(tenth + 1) / 10.0).r);
  }
}

TEST(Png, keeps_every_pixel) {
  std::vector<std::uint8_t> rgb;
  for (int i = 0; i < 13 * 7 * 3; ++i) rgb.push_back(static_cast<std::uint8_t>(i * 37));
  const Picture picture = decoded(encode_png(rgb, 13, 7));
  EXPECT_EQ(picture.width, 13);
  EXPECT_EQ(picture.height, 7);
  EXPECT_EQ(picture.rgb, rgb);
}

double mean_of(const Model& model, std::int64_t first, std::int64_t last, std::int64_t dimension) {
  double sum = 0;
  for (std::int64_t id = first; id < last; ++id)
    sum += static_cast<double>(model.embedding(static_cast<TokenId>(id)).values()[static_cast<std::size_t>(dimension)]);
  return sum / static_cast<double>(last - first);
}

TEST(Heatmap, shows_tokens_across_and_dimensions_down) {
  const auto model = tiny::open("tiny-gpt2");
  const Heatmap map = heatmap(*model);
  const Picture picture = decoded(map.png);
  EXPECT_EQ(picture.width, model->config().vocab);  // never more pixels than tokens
  EXPECT_EQ(picture.height, model->config().width);
  EXPECT_EQ(map.tokens_per_pixel, 1);
  EXPECT_EQ(map.dimensions_per_pixel, 1);
  for (int x : {0, 1, 50, 96}) {
    for (int y : {0, 7, 47})
      expect_colour(picture.at(x, y), diverging(mean_of(*model, x, x + 1, y) / map.range),
                    fmt::format("token {}, dimension {}", x, y));
  }
}

TEST(Heatmap, a_pixel_is_the_mean_of_the_tokens_it_covers) {
  const auto model = tiny::open("tiny-gpt2");
  const Heatmap map = heatmap(*model, 10);
  const Picture picture = decoded(map.png);
  EXPECT_EQ(picture.width, 10);
  EXPECT_EQ(map.tokens_per_pixel, 9.7);
  for (int x = 0; x < 10; ++x) {  // 97 tokens on 10 pixels: 9 or 10 each, none left out
    for (int y : {0, 20, 47})
      expect_colour(picture.at(x, y), diverging(mean_of(*model, x * 97 / 10, (x + 1) * 97 / 10, y) / map.range),
                    fmt::format("pixel {}", x));
  }
}

TEST(Heatmap, a_wide_model_is_drawn_on_fewer_rows) {
  Tensor rows({80, 1536});
  for (std::int64_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t d = 0; d < 1536; ++d) rows.row(i)[d] = d % 2 == 0 ? 0.5f : 0.25f;
  }
  const Heatmap map = heatmap(*tiny::embedding_only(rows));
  const Picture picture = decoded(map.png);
  EXPECT_EQ(picture.height, 768);
  EXPECT_EQ(map.dimensions_per_pixel, 2);
  EXPECT_EQ(map.range, 0.5);
  expect_colour(picture.at(3, 100), diverging(0.75), "two dimensions of one pixel");
}

TEST(Heatmap, the_full_colour_is_the_99th_percentile) {
  Tensor rows({100, 10});
  for (std::int64_t i = 0; i < 1000; ++i)
    rows.values()[static_cast<std::size_t>(i)] = static_cast<float>(i % 2 == 0 ? i : -i);
  // every token is looked at when there are so few
  EXPECT_NEAR(heatmap(*tiny::embedding_only(rows)).range, 989, 1);
}

TEST(Heatmap, a_matrix_of_zeros_is_white) {
  const Heatmap map = heatmap(*tiny::embedding_only(Tensor({80, 4})));
  EXPECT_GT(map.range, 0);
  for (std::uint8_t c : decoded(map.png).rgb) ASSERT_EQ(c, 255);
}

TEST(Heatmap, takes_any_width_and_does_not_depend_on_threads) {
  const auto model = tiny::open("tiny-llama");
  for (int across : {-5, 0, 1}) EXPECT_EQ(decoded(heatmap(*model, across).png).width, 1);
  const int before = threads();
  set_threads(1);
  const auto one = heatmap(*model, 60).png;
  set_threads(3);
  EXPECT_EQ(heatmap(*model, 60).png, one);
  set_threads(before);
}

}  // namespace
}  // namespace embscope
