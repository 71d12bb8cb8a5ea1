#include "embscope/vocabulary/similarity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <numeric>

#include <fmt/format.h>

#include "base/threads.h"
#include "embscope/model/named_token.h"
#include "embscope/vocabulary/named_vectors.h"
#include "kernels/dot.h"
#include "kernels/pairs.h"
#include "kernels/vector.h"
#include "vocabulary/pairs_of.h"
#include "vocabulary/units.h"

namespace embscope {
namespace {

// Rows [first, first + count) of wte at unit length; a zero row stays zero, and its cosines are 0.
Tensor unit_rows(const Model& model, std::int64_t first, std::int64_t count) {
  Tensor rows = Tensor::uninitialised({count, model.config().width});
  parallel_for(count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      model.weights().wte.row(first + i, rows.row(i).data());
      const double length = std::sqrt(dot(rows.row(i), rows.row(i)));
      if (length > 0) scale(rows.row(i).data(), static_cast<float>(1 / length), rows.columns());
    }
  });
  return rows;
}

}  // namespace

double cosine(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size())
    throw Error(Code::shape, "cosine", fmt::format("vectors of {} and {} values", a.size(), b.size()));
  const double lengths = std::sqrt(dot(a, a)) * std::sqrt(dot(b, b));
  if (lengths == 0) throw Error(Code::range, "cosine", "a zero vector has no direction");
  return as_cosine(dot(a, b) / lengths);
}

namespace {

std::vector<NamedVector> named(const Model& model, std::span<const std::string> words) {
  std::vector<NamedVector> list;
  for (const TokenId id : ids_named(model, words)) {
    const Tensor row = model.embedding(id);
    list.push_back({model.label(id), {row.values().begin(), row.values().end()}});
  }
  return list;
}

std::vector<NamedVector> named(const Space& space, std::span<const std::int64_t> rows) {
  std::vector<NamedVector> list;
  for (const std::int64_t row : rows) {
    const auto values = space.vectors.row(row);
    list.push_back({space.labels[static_cast<std::size_t>(row)], {values.begin(), values.end()}});
  }
  return list;
}

}  // namespace

Table vectors(std::span<const NamedVector> list) {
  std::vector<double> dimension(list.empty() ? 0 : list[0].values.size());
  std::iota(dimension.begin(), dimension.end(), 0.0);
  Table table("vectors");
  table.add("dimension", dimension, whole);
  for (const NamedVector& one : list) table.add(one.name, {one.values.begin(), one.values.end()}, 6);
  return table;
}

Table cosines(std::span<const NamedVector> list) {
  std::vector<std::string> names;
  for (const NamedVector& one : list) names.push_back(one.name);
  Table table("cosine similarity");
  table.add("word", names);
  for (const NamedVector& b : list) {
    std::vector<double> column;
    column.reserve(list.size());
    for (const NamedVector& a : list) column.push_back(cosine(a.values, b.values));
    table.add(b.name, std::move(column), 5);
  }
  return table;
}

Table vectors(const Model& model, std::span<const std::string> words) { return vectors(named(model, words)); }
Table cosines(const Model& model, std::span<const std::string> words) { return cosines(named(model, words)); }
Table vectors(const Space& space, std::span<const std::int64_t> rows) { return vectors(named(space, rows)); }
Table cosines(const Space& space, std::span<const std::int64_t> rows) { return cosines(named(space, rows)); }

namespace {

constexpr double nobody = -2;  // the cosine of rows without a direction

// Cosines of a vector with all tokens; `nobody` for rows without a direction.
std::vector<double> directions(const Model& model, std::span<const float> wanted, const std::string& where) {
  const std::int64_t vocab = model.config().vocab, width = model.config().width;
  if (static_cast<std::int64_t>(wanted.size()) != width)
    throw Error(Code::shape, where, fmt::format("{} values: a vector of this model has {}", wanted.size(), width));
  const double own = std::sqrt(dot(wanted, wanted));
  if (own == 0) throw Error(Code::range, where, "a zero vector has no direction");
  std::vector<double> cosines(static_cast<std::size_t>(vocab), nobody);
  parallel_for(vocab, 256, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> row(wanted.size());
    for (std::int64_t id = begin; id < end; ++id) {
      model.weights().wte.row(id, row.data());
      const double length = std::sqrt(dot(row, row));
      if (length > 0) cosines[static_cast<std::size_t>(id)] = as_cosine(dot(row, wanted) / (own * length));
    }
  });
  return cosines;
}

// The k largest, without those of `nobody`.
Table nearest(const Model& model, const std::vector<double>& cosines, int k, std::string title) {
  std::vector<TokenId> order;
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    if (cosines[i] > nobody) order.push_back(static_cast<TokenId>(i));
  }
  const auto count = std::min(static_cast<std::size_t>(k), order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](TokenId a, TokenId b) {
                      const double ca = cosines[static_cast<std::size_t>(a)], cb = cosines[static_cast<std::size_t>(b)];
                      return ca != cb ? ca > cb : a < b;
                    });
  std::vector<double> rank, id, value;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    rank.push_back(static_cast<double>(i + 1));
    id.push_back(order[i]);
    value.push_back(cosines[static_cast<std::size_t>(order[i])]);
    names.push_back(model.label(order[i]));
  }
  Table table(std::move(title));
  return std::move(table.add("rank", rank, whole).add("token", names).add("id", id, whole).add("cosine", value, 5));
}

void check_neighbours(int k) {
  if (k < 1) throw Error(Code::range, "similar", fmt::format("{} neighbours: ask for at least 1", k));
}

}  // namespace

Table similar(const Model& model, std::string_view word, int k) {
  check_neighbours(k);
  const TokenId id = token_named(model, word).id;
  auto cosines = directions(model, model.embedding(id).values(), fmt::format("token {}", model.label(id)));
  cosines[static_cast<std::size_t>(id)] = nobody;
  return nearest(model, cosines, k, fmt::format("nearest to {}", model.label(id)));
}

Table similar(const Model& model, std::span<const float> vector, int k, std::span<const TokenId> without) {
  check_neighbours(k);
  auto cosines = directions(model, vector, "vector");
  for (TokenId id : without) {
    if (id < 0 || id >= model.config().vocab)
      throw Error(Code::range, fmt::format("token {}", id),
                  fmt::format("the vocabulary has 0:{}", model.config().vocab));
    cosines[static_cast<std::size_t>(id)] = nobody;
  }
  return nearest(model, cosines, k, "nearest tokens");
}

std::vector<double> cosines_with_all(const Model& model, std::span<const float> vector) {
  auto cosines = directions(model, vector, "vector");
  std::ranges::replace(cosines, nobody, 0.0);
  return cosines;
}

Table dimensions(const Model& model) {
  const std::int64_t vocab = model.config().vocab, width = model.config().width, chunk = 1024;
  const std::int64_t chunks = (vocab + chunk - 1) / chunk;
  std::vector<std::vector<double>> sums(static_cast<std::size_t>(chunks)), squares(static_cast<std::size_t>(chunks));
  parallel_for(vocab, chunk, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> sum(static_cast<std::size_t>(width)), square(static_cast<std::size_t>(width));
    std::vector<float> row(static_cast<std::size_t>(width));
    for (std::int64_t id = begin; id < end; ++id) {
      model.weights().wte.row(id, row.data());
      for (std::size_t d = 0; d < row.size(); ++d) {
        sum[d] += static_cast<double>(row[d]);
        square[d] += static_cast<double>(row[d]) * static_cast<double>(row[d]);
      }
    }
    sums[static_cast<std::size_t>(begin / chunk)] = std::move(sum);
    squares[static_cast<std::size_t>(begin / chunk)] = std::move(square);
  });
  struct Dimension {
    double number, mean, deviation, ratio;
  };
  std::vector<Dimension> all;
  for (std::size_t d = 0; d < static_cast<std::size_t>(width); ++d) {
    double sum = 0, square = 0;
    for (std::size_t c = 0; c < sums.size(); ++c) sum += sums[c][d], square += squares[c][d];
    const double n = static_cast<double>(vocab), mean = sum / n,
                 deviation = std::sqrt(std::max(0.0, square / n - mean * mean));
    all.push_back({static_cast<double>(d), mean, deviation, mean == 0 ? 0 : std::abs(mean) / deviation});
  }
  std::stable_sort(all.begin(), all.end(), [](const Dimension& a, const Dimension& b) { return a.ratio > b.ratio; });
  std::vector<double> number, mean, deviation, ratio;
  for (const Dimension& d : all)
    number.push_back(d.number), mean.push_back(d.mean), deviation.push_back(d.deviation), ratio.push_back(d.ratio);
  Table table("dimensions by the offset that all tokens share");
  return std::move(
      table.add("dimension", number, whole).add("mean", mean, 5).add("deviation", deviation, 5).add("ratio", ratio, 3));
}

PairCosines pair_cosines(const Model& model, int bins, const Progress& progress) {
  return pair_cosines_of_unit(unit_rows(model, 0, model.config().vocab), bins, progress);
}

PairCosines pair_cosines_of_unit(const Tensor& unit, int bins, const Progress& progress) {
  if (bins < 2 || bins > 100000)
    throw Error(Code::range, "pair cosines", fmt::format("{} bins: choose 2 to 100000", bins));
  const std::int64_t vocab = unit.rows(), tiles = (vocab + pair_columns - 1) / pair_columns;
  const std::int64_t blocks = (vocab + pair_rows - 1) / pair_rows;
  PairCosines result;
  std::vector<std::int64_t> counts(static_cast<std::size_t>(bins));
  std::vector<double> sums(static_cast<std::size_t>(blocks * tiles));  // one a tile, added in order
  std::int64_t positive = 0;
  std::mutex mutex;  // counts are whole numbers: their sum has no order
  for_pairs(
      vocab, unit.columns(),
      [&](std::int64_t first, std::int64_t count, float* out) {
        std::copy_n(unit.row(first).data(), count * unit.columns(), out);
      },
      [&](const PairTile& tile) {
        std::vector<std::int64_t> own(static_cast<std::size_t>(2 * bins));
        std::int64_t own_positive = 0;
        double& sum =
            sums[static_cast<std::size_t>(tile.first_row / pair_rows * tiles + tile.first_column / pair_columns)];
        for (std::int64_t i = 0; i < tile.rows; ++i) {
          const std::int64_t begin = tile.begin(i);
          sum += count_cosines(tile.values + i * tile.stride + begin, tile.columns - begin, bins, own.data(),
                               own_positive);
        }
        const std::lock_guard lock(mutex);
        positive += own_positive;
        for (std::size_t b = 0; b < own.size(); ++b) counts[b % counts.size()] += own[b];
      },
      progress, "cosines of all pairs");
  double sum = 0;
  for (double part : sums) sum += part;
  result.pairs = static_cast<double>(vocab) * static_cast<double>(vocab - 1) / 2;
  result.mean = result.pairs > 0 ? as_cosine(sum / result.pairs) : 0;
  result.positive_share = result.pairs > 0 ? static_cast<double>(positive) / result.pairs : 0;
  std::vector<double> from, to, pairs;
  for (int b = 0; b < bins; ++b) {
    from.push_back(-1 + 2.0 * b / bins);
    to.push_back(-1 + 2.0 * (b + 1) / bins);
    pairs.push_back(static_cast<double>(counts[static_cast<std::size_t>(b)]));
  }
  result.histogram = Table("cosines of all pairs of tokens");
  result.histogram.add("from", from, 3).add("to", to, 3).add("pairs", pairs, whole);
  return result;
}

Table toy_space() {
  // The article's drawing: animals placed by hand. Cats and dogs are alike in both; a ladybug is hardly larger than a
  // mosquito and much friendlier; the context takes friendliness from the cat and leaves its size.
  Table table("animals by size and friendliness");
  return std::move(table
                       .add("animal", std::vector<std::string>{"mosquito", "ladybug", "mouse", "cat", "dog", "wolf",
                                                               "lion", "horse", "elephant", "cat, in context"})
                       .add("size", std::vector<double>{.02, .04, .1, .4, .45, .55, .65, .8, .98, .4}, 2)
                       .add("friendliness", std::vector<double>{.05, .65, .45, .85, .9, .2, .1, .75, .6, .6}, 2)
                       .add("moved", std::vector<double>{0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
}

}  // namespace embscope
