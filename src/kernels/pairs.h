// Products of all pairs of rows, tile by tile while a tile is in the cache; the matrix of pairs is never stored.
#pragma once

#include <cstdint>
#include <functional>

#include "embscope/base/progress.h"
#include "kernels/gemm.h"

namespace embscope {

/// values[i * stride + j] is the product of rows first_row + i and first_column + j.
struct PairTile {
  std::int64_t first_row, rows, first_column, columns;
  float* values;  // the body may overwrite them
  std::int64_t stride;

  /// Where row i's pairs with a higher row begin: pairs are counted once, the lower row first.
  std::int64_t begin(std::int64_t i) const {
    const std::int64_t above = first_row + i + 1 - first_column;
    return above < 0 ? 0 : above > columns ? columns : above;
  }
};

/// Tiles begin at multiples of these. Both a tile and its packed rows stay in a second-level cache of 1 MB; 14 rows and
/// 32 columns are the matrix product's own steps.
inline constexpr std::int64_t pair_rows = 224, pair_columns = 448;

/// Writes rows [first, first + count) of the matrix, `width` floats each, to `out`. Called from several threads.
using RowSource = std::function<void(std::int64_t first, std::int64_t count, float* out)>;

/// Rows [first, first + count) of a source as the outputs of a product.
Packed packed_rows(std::int64_t first, std::int64_t count, std::int64_t width, const RowSource& rows);

/// Calls `body` for every tile that holds pairs i < j of `count` rows: the upper triangle, the tiles on its diagonal
/// whole. Several threads call it, each for other tiles, in no fixed order; every product has the same bits whatever
/// the threads.
void for_pairs(std::int64_t count, std::int64_t width, const RowSource& rows,
               const std::function<void(const PairTile&)>& body, const Progress& progress, std::string_view what);

/// Indices of the x[i] >= bounds[i], ascending, to `found` [n + 16]; returns how many.
std::int64_t find_at_least(const float* x, const float* bounds, std::int64_t n, std::int32_t* found);

/// The same with one bound for all.
std::int64_t find_at_least(const float* x, float bound, std::int64_t n, std::int32_t* found);

/// sum_k a[k] b[k] and sum_k (a[k] - b[k])^2, in double over 16 fixed stripes.
double product_in_double(const float* a, const float* b, std::int64_t n);
double square_distance_in_double(const float* a, const float* b, std::int64_t n);

/// Adds x[0..n), values in -1..1 (beyond by rounding: the end itself), to a histogram: counts[min(bins - 1, floor((x +
/// 1) / 2 * bins))], in double. `counts` [2 * bins] are two halves to be added by the caller. Returns the sum of x;
/// `positive` grows by the number of x > 0.
double count_cosines(const float* x, std::int64_t n, std::int64_t bins, std::int64_t* counts, std::int64_t& positive);

}  // namespace embscope
