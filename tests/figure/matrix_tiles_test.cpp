// Tiles of the embedding matrix: every pixel is the mean of the values it covers, in any order, with any number of
// threads.
#include "embscope/figure/matrix_tiles.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <png.h>

#include "embscope/base/threads.h"
#include "figure/raster.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

std::vector<std::uint8_t> pixels(const std::vector<std::uint8_t>& png) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&image, png.data(), png.size()), 0) << image.message;
  EXPECT_EQ(image.width, 256u);
  EXPECT_EQ(image.height, 256u);
  image.format = PNG_FORMAT_RGB;
  std::vector<std::uint8_t> rgb(PNG_IMAGE_SIZE(image));
  EXPECT_NE(png_image_finish_read(&image, nullptr, rgb.data(), 0, nullptr), 0) << image.message;
  return rgb;
}

class Tiles : public ::testing::TestWithParam<const char*> {
 protected:
  std::shared_ptr<const Model> model_ = tiny::open(GetParam());
  MatrixTiles tiles_{model_};
  std::int64_t vocab_ = model_->config().vocab, width_ = model_->config().width;

  double value(TokenId id, std::int64_t d) const {
    return static_cast<double>(model_->embedding(id).values()[static_cast<std::size_t>(d)]);
  }
  void expect_pixel(const std::vector<std::uint8_t>& rgb, std::int64_t x, std::int64_t y, double wanted) const {
    const Rgb colour = diverging(wanted / tiles_.range());
    const std::uint8_t* at = rgb.data() + 3 * (y * 256 + x);
    EXPECT_NEAR(at[0], colour.r, 1);
    EXPECT_NEAR(at[1], colour.g, 1);
    EXPECT_NEAR(at[2], colour.b, 1);
  }
};

TEST_P(Tiles, the_values_of_a_piece_are_those_of_its_cells) {
  for (const char* order : {"id", "mean", "cluster"}) {
    const Table table = tiles_.values({5, 9, 2, 4}, order, order);
    ASSERT_EQ(table.columns().size(), 4u);
    ASSERT_EQ(table.rows(), 4u);
    for (std::int64_t x = 0; x < 4; ++x) {
      for (std::int64_t y = 0; y < 2; ++y) {
        const MatrixTiles::Cell cell = tiles_.cell(5 + x, 2 + y, order, order);
        const Column& column = table.columns()[static_cast<std::size_t>(2 + y)];
        EXPECT_EQ(column.name, "d" + std::to_string(cell.dimension));
        EXPECT_EQ(column.numbers()[static_cast<std::size_t>(x)], cell.value);
        EXPECT_EQ(table.column("id").numbers()[static_cast<std::size_t>(x)], cell.token);
      }
    }
  }
  for (const MatrixTiles::Area& area :
       {MatrixTiles::Area{0, vocab_ + 1, 0, 1}, {-1, 1, 0, 1}, {3, 3, 0, 1}, {0, 1, 0, width_ + 1}, {0, 1, 2, 1}})
    EXPECT_THROW(tiles_.values(area, "id", "id"), Error);
}

TEST_P(Tiles, level_0_shows_each_value_at_its_place_in_every_order) {
  for (const std::string& t : MatrixTiles::token_orders()) {
    for (const std::string& d : MatrixTiles::dimension_orders()) {
      const auto rgb = pixels(tiles_.png(0, 0, 0, t, d));
      std::vector<bool> seen(static_cast<std::size_t>(vocab_));
      for (std::int64_t x = 0; x < std::min<std::int64_t>(vocab_, 256); ++x) {
        const MatrixTiles::Cell cell = tiles_.cell(x, x % width_, t, d);
        EXPECT_EQ(cell.value, value(cell.token, cell.dimension));
        expect_pixel(rgb, x, x % width_, cell.value);
        EXPECT_FALSE(seen[static_cast<std::size_t>(cell.token)]) << "token " << cell.token << " twice by " << t;
        seen[static_cast<std::size_t>(cell.token)] = true;
      }
    }
  }
}

TEST_P(Tiles, orders_rise_by_what_they_are_named_after) {
  double mean = -1e9, norm = -1e9, deviation = -1e9;
  for (std::int64_t x = 0; x < vocab_; ++x) {
    const auto by_mean = tiles_.cell(x, 0, "mean", "id"), by_norm = tiles_.cell(x, 0, "norm", "id");
    EXPECT_LE(mean, by_mean.token_mean);
    EXPECT_LE(norm, by_norm.token_norm);
    mean = by_mean.token_mean, norm = by_norm.token_norm;
  }
  for (std::int64_t y = 0; y < width_; ++y) {
    const auto cell = tiles_.cell(0, y, "id", "deviation");
    EXPECT_LE(deviation, cell.dimension_deviation);
    deviation = cell.dimension_deviation;
  }
}

TEST_P(Tiles, beyond_the_matrix_is_grey_and_beyond_the_tiles_an_error) {
  const auto rgb = pixels(tiles_.png(0, 0, 0, "id", "id"));
  if (width_ < 256) { EXPECT_EQ(rgb[3 * (255 * 256)], 232); }
  EXPECT_THROW(tiles_.png(0, 1000, 0, "id", "id"), Error);
  EXPECT_THROW(tiles_.png(0, 0, -1, "id", "id"), Error);
  EXPECT_THROW(tiles_.png(static_cast<int>(tiles_.levels().size()), 0, 0, "id", "id"), Error);
  EXPECT_THROW(tiles_.png(0, 0, 0, "colour", "id"), Error);
  EXPECT_THROW(tiles_.cell(vocab_, 0, "id", "id"), Error);
}

TEST_P(Tiles, threads_change_nothing) {
  std::vector<std::vector<std::uint8_t>> seen;
  const int before = threads();
  for (int count : {1, 3}) {
    set_threads(count);
    MatrixTiles fresh(model_);
    seen.push_back(fresh.png(static_cast<int>(fresh.levels().size()) - 1, 0, 0, "cluster", "cluster"));
  }
  set_threads(before);
  EXPECT_EQ(seen[0], seen[1]);
}

INSTANTIATE_TEST_SUITE_P(Models, Tiles, ::testing::Values("tiny-gpt2", "tiny-llama"));

}  // namespace
}  // namespace embscope
