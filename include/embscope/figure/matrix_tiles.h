// MatrixTiles: the embedding matrix as pictures of 256 x 256 pixels at every zoom level, tokens from left to right and
// dimensions from top to bottom.
// Lifetime: shares its model. Thread rule: any number of threads; shared results are computed once, under a lock.
//
// Level 0 has a pixel for each value. Each level above halves the tokens, and halves the dimensions while more than 512
// are left, so that the picture of the whole matrix stays readable. A pixel is the mean of the values that it covers,
// in the colours of `heatmap`: red positive, blue negative. Memory: at most 64 MiB for each order of tokens, for any
// model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/model/model.h"
#include "embscope/tensor/table.h"

namespace embscope {

class MatrixTiles {
 public:
  static constexpr int tile = 256;

  explicit MatrixTiles(std::shared_ptr<const Model> model);
  ~MatrixTiles();

  struct Level {
    std::int64_t tokens_per_pixel, dimensions_per_pixel;
    std::int64_t width, height;  ///< of the whole level, in pixels
  };
  const std::vector<Level>& levels() const { return levels_; }
  double range() const;  ///< the |value| that has the full colour

  /// "id"; "mean" and "norm" (rising); "cluster" (along the first principal component).
  static const std::vector<std::string>& token_orders();
  /// "id"; "mean" and "deviation" over the tokens (rising); "cluster" (by their share in the first principal
  /// component).
  static const std::vector<std::string>& dimension_orders();

  /// Tile (x, y) of a level as a PNG; grey beyond the matrix's edge. Throws Error{range, not_found}.
  std::vector<std::uint8_t> png(int level, std::int64_t x, std::int64_t y, std::string_view token_order,
                                std::string_view dimension_order);

  struct Cell {
    TokenId token = 0;
    std::int64_t dimension = 0;
    double value = 0;
    double token_mean = 0, token_norm = 0, dimension_mean = 0, dimension_deviation = 0;
  };
  /// The value at pixel (x, y) of level 0. Throws Error{range, not_found}.
  Cell cell(std::int64_t x, std::int64_t y, std::string_view token_order, std::string_view dimension_order);

  /// A rectangle of level 0, half-open.
  struct Area {
    std::int64_t left, right, top, bottom;
  };
  static constexpr std::int64_t most_values = 1 << 20;
  /// The values of a rectangle: a row for each token, with columns id, token, and one for each dimension ("d7"). Throws
  /// Error{range} for an area outside the matrix or of more than `most_values`, Error{not_found}.
  Table values(const Area& area, std::string_view token_order, std::string_view dimension_order);

 private:
  struct Parts;
  std::vector<Level> levels_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace embscope
