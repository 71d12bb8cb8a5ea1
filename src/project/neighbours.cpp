// The exact nearest neighbours of every vector: candidates from tiles of the matrix product, sorted in double, and a
// proof that no other vector belongs among them.
#include "embscope/project/neighbours.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "base/threads.h"
#include "kernels/pairs.h"
#include "project/compared.h"
#include "project/pca.h"
#include "project/state.h"

namespace embscope {
namespace {

// A score and an index as one number: larger is nearer, and of equal scores the lower index is larger.
std::uint64_t key_of(float score, std::int64_t index) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0f);  // -0 as 0
  const std::uint32_t ordered = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return std::uint64_t{ordered} << 32 | (0xffffffffu - static_cast<std::uint32_t>(index));
}

float score_of(std::uint64_t key) {
  const auto ordered = static_cast<std::uint32_t>(key >> 32);
  return std::bit_cast<float>((ordered & 0x80000000u) != 0 ? ordered & 0x7fffffffu : ~ordered);
}

std::int64_t index_of(std::uint64_t key) { return 0xffffffffu - static_cast<std::uint32_t>(key); }

// The best `wanted` of the values offered to each row. A row's list is longer than `wanted` and is shortened when it is
// full, so an offer costs little more than a comparison. The result does not depend on the order of the offers.
class Best {
 public:
  Best(std::int64_t rows, std::int64_t wanted)
      : wanted_(wanted),
        room_(wanted + std::max<std::int64_t>(16, wanted / 2)),
        keys_(std::make_unique_for_overwrite<std::uint64_t[]>(static_cast<std::size_t>(rows * room_))),
        sizes_(static_cast<std::size_t>(rows)),
        least_(static_cast<std::size_t>(rows)),
        bounds_(static_cast<std::size_t>(rows), -INFINITY) {}

  const float* bounds(std::int64_t row) const { return bounds_.data() + row; }  // lower scores are rejected

  void offer(std::int64_t row, float score, std::int64_t index) {
    const auto r = static_cast<std::size_t>(row);
    const std::uint64_t key = key_of(score, index);
    if (key <= least_[r]) return;
    keys_[static_cast<std::size_t>(row * room_ + sizes_[r])] = key;
    if (++sizes_[r] == room_) cut(row);
  }

  // The best, best first.
  std::span<const std::uint64_t> sorted(std::int64_t row) {
    const auto r = static_cast<std::size_t>(row);
    std::uint64_t* keys = keys_.get() + row * room_;
    std::sort(keys, keys + sizes_[r], std::greater<>());
    return {keys, static_cast<std::size_t>(std::min<std::int64_t>(wanted_, sizes_[r]))};
  }

 private:
  void cut(std::int64_t row) {
    const auto r = static_cast<std::size_t>(row);
    std::uint64_t* keys = keys_.get() + row * room_;
    std::nth_element(keys, keys + wanted_ - 1, keys + room_, std::greater<>());
    sizes_[r] = static_cast<std::int32_t>(wanted_);
    least_[r] = keys[wanted_ - 1];
    bounds_[r] = score_of(least_[r]);
  }

  std::int64_t wanted_, room_;
  std::unique_ptr<std::uint64_t[]> keys_;
  std::vector<std::int32_t> sizes_;
  std::vector<std::uint64_t> least_;
  std::vector<float> bounds_;
};

// Offers a tile's pairs to its rows and to its columns, each under the lock of the rows that it changes.
void offer_tile(const PairTile& tile, Best& best, std::vector<std::mutex>& locks) {
  std::int32_t found[pair_columns + 16];
  {
    const std::lock_guard lock(locks[static_cast<std::size_t>(tile.first_row / pair_rows)]);
    for (std::int64_t i = 0; i < tile.rows; ++i) {
      const std::int64_t row = tile.first_row + i, begin = tile.begin(i);
      const float* values = tile.values + i * tile.stride + begin;
      const std::int64_t count = find_at_least(values, *best.bounds(row), tile.columns - begin, found);
      for (std::int64_t f = 0; f < count; ++f) best.offer(row, values[found[f]], tile.first_column + begin + found[f]);
    }
  }
  for (std::int64_t half = 0; half < tile.columns; half += pair_rows) {
    const std::lock_guard lock(locks[static_cast<std::size_t>((tile.first_column + half) / pair_rows)]);
    const std::int64_t end = std::min(tile.columns, half + pair_rows);
    for (std::int64_t i = 0; i < tile.rows; ++i) {
      const std::int64_t begin = std::max(half, tile.begin(i));
      if (begin >= end) continue;
      const float* values = tile.values + i * tile.stride + begin;
      const std::int64_t count = find_at_least(values, best.bounds(tile.first_column + begin), end - begin, found);
      for (std::int64_t f = 0; f < count; ++f)
        best.offer(tile.first_column + begin + found[f], values[found[f]], tile.first_row + i);
    }
  }
}

// The k best of row i's candidates by their scores in double, to `out`. Returns the score of the last.
double put_in_order(const Compared& compared, std::int64_t i, std::span<const std::int64_t> candidates,
                    Neighbours& out) {
  std::vector<std::pair<double, std::int64_t>> scored;
  scored.reserve(candidates.size());
  for (std::int64_t j : candidates) scored.emplace_back(-compared.score(i, j), j);
  std::partial_sort(scored.begin(), scored.begin() + out.k, scored.end());
  for (std::int64_t n = 0; n < out.k; ++n) {
    const auto at = static_cast<std::size_t>(i * out.k + n);
    out.ids[at] = static_cast<std::int32_t>(scored[static_cast<std::size_t>(n)].second);
    out.values[at] = compared.value(-scored[static_cast<std::size_t>(n)].first);
  }
  return -scored[static_cast<std::size_t>(out.k - 1)].first;
}

// A row whose candidates are not proven to contain its neighbours, which score at least `least` in double.
struct Undecided {
  std::vector<std::int64_t> rows;
  std::vector<double> least;
};

// Sorts every row's candidates. Other vectors score in fp32 at most as high as the last candidate: if that score plus
// the error bound is below the k-th score, no better vector was left out.
Undecided order_candidates(const Compared& compared, Best& best, bool all_are_candidates, Neighbours& out) {
  std::vector<double> open(static_cast<std::size_t>(out.count), INFINITY);
  parallel_for(out.count, 256, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int64_t> candidates;
    for (std::int64_t i = begin; i < end; ++i) {
      const auto keys = best.sorted(i);
      candidates.clear();
      for (std::uint64_t key : keys) candidates.push_back(index_of(key));
      const double least = put_in_order(compared, i, candidates, out);
      const double left_out = static_cast<double>(score_of(keys.back())) + compared.error_bound(i);
      if (!all_are_candidates && !(left_out < least)) open[static_cast<std::size_t>(i)] = least;
    }
  });
  Undecided undecided;
  for (std::int64_t i = 0; i < out.count; ++i) {
    if (const double least = open[static_cast<std::size_t>(i)]; least < INFINITY)
      undecided.rows.push_back(i), undecided.least.push_back(least);
  }
  return undecided;
}

// For each row, the number of rows of lower index with the same bits: padded vocabularies have thousands of equal rows.
std::vector<std::int64_t> copies_before(const Tensor& vectors) {
  const auto bytes_of = [&](std::int64_t i) {
    return std::string_view(reinterpret_cast<const char*>(vectors.row(i).data()), vectors.row(i).size_bytes());
  };
  std::vector<std::pair<std::uint64_t, std::int64_t>> order(static_cast<std::size_t>(vectors.rows()));
  parallel_for(vectors.rows(), 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) order[static_cast<std::size_t>(i)] = {hash_of(bytes_of(i)), i};
  });
  std::sort(order.begin(), order.end());
  std::vector<std::int64_t> out(order.size());
  std::int64_t count = 0;
  for (std::size_t at = 1, first = 0; at < order.size(); ++at) {
    if (order[at].first != order[first].first) first = at, count = 0;
    if (at != first && bytes_of(order[at].second) == bytes_of(order[first].second))
      out[static_cast<std::size_t>(order[at].second)] = ++count;
  }
  return out;
}

// Checks all pairs of the undecided rows again: every vector within the fp32 error of the k-th best is a candidate. Of
// equal rows the first k + 1 are enough, because they come before the others.
void search_again(const Compared& compared, const Undecided& undecided, Neighbours& out, const Progress& progress) {
  if (undecided.rows.empty()) return;
  const std::vector<std::int64_t> copies = copies_before(*compared.given);
  const auto count = static_cast<std::int64_t>(undecided.rows.size()), at_once = rows_at_once(out.count);
  std::vector<float> scores;
  for (std::int64_t first = 0; first < count; first += at_once) {
    report(progress, static_cast<double>(first) / static_cast<double>(count), "neighbours too near to tell apart");
    const auto rows =
        std::span(undecided.rows)
            .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(std::min(at_once, count - first)));
    compared.scores(rows, scores);
    parallel_for(static_cast<std::int64_t>(rows.size()), 4, [&](std::int64_t begin, std::int64_t end) {
      std::vector<std::int64_t> candidates;
      for (std::int64_t r = begin; r < end; ++r) {
        const std::int64_t i = rows[static_cast<std::size_t>(r)];
        const double bound = undecided.least[static_cast<std::size_t>(first + r)] - compared.error_bound(i);
        const float* of_row = scores.data() + r * out.count;
        candidates.clear();
        for (std::int64_t j = 0; j < out.count; ++j) {
          if (static_cast<double>(of_row[j]) >= bound && j != i && copies[static_cast<std::size_t>(j)] <= out.k)
            candidates.push_back(j);
        }
        put_in_order(compared, i, candidates, out);
      }
    });
  }
}

}  // namespace

std::string_view name(Metric metric) {
  return metric == Metric::cosine ? "cosine" : metric == Metric::euclidean ? "euclidean" : "dot";
}

Metric metric_named(std::string_view name) {
  for (Metric m : {Metric::cosine, Metric::euclidean, Metric::dot}) {
    if (embscope::name(m) == name) return m;
  }
  throw Error(Code::usage, "metric", fmt::format("'{}': choose cosine, euclidean or dot", name));
}

namespace {

// Only for the rows in `rows`; the other entries are empty.
Neighbours spread(const Neighbours& found, const std::vector<std::int64_t>& rows, std::int64_t count) {
  Neighbours out{count,
                 found.k,
                 std::vector<std::int32_t>(static_cast<std::size_t>(count * found.k), -1),
                 std::vector<float>(static_cast<std::size_t>(count * found.k), NAN),
                 found.searched_again,
                 {}};
  for (std::int64_t i = 0; i < found.count; ++i) {
    const std::int64_t to = rows[static_cast<std::size_t>(i)] * found.k;
    std::ranges::copy(found.values_of(i), out.values.begin() + to);
    std::ranges::transform(found.ids_of(i), out.ids.begin() + to, [&](std::int32_t j) {
      return static_cast<std::int32_t>(rows[static_cast<std::size_t>(j)]);
    });
  }
  return out;
}

Neighbours without_zeros(const Tensor& vectors, NeighbourOptions options, const Progress& progress) {
  options.leave_out_zeros = false;
  std::vector<std::int64_t> rows, zeros;
  for (std::int64_t i = 0; i < vectors.rows(); ++i)
    (std::ranges::all_of(vectors.row(i), [](float x) { return x == 0; }) ? zeros : rows).push_back(i);
  if (zeros.empty()) return nearest_neighbours(vectors, options, progress);
  Tensor some = Tensor::uninitialised({static_cast<std::int64_t>(rows.size()), vectors.columns()});
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::ranges::copy(vectors.row(rows[i]), some.row(static_cast<std::int64_t>(i)).begin());
  Neighbours out = spread(nearest_neighbours(some, options, progress), rows, vectors.rows());
  out.left_out = std::move(zeros);
  return out;
}

}  // namespace

Neighbours nearest_neighbours(const Tensor& vectors, const NeighbourOptions& options, const Progress& progress) {
  // With the mean removed, a row of zeros has a direction.
  if (options.leave_out_zeros && options.metric == Metric::cosine && !options.centred)
    return without_zeros(vectors, options, progress);
  const std::int64_t n = vectors.rows();
  if (options.k < 1 || options.k >= n)
    throw Error(Code::range, "neighbours",
                n < 2 ? fmt::format("{} vectors: at least 2 are needed", n)
                      : fmt::format("{} neighbours of {} vectors: choose 1 to {}", options.k, n, n - 1));
  NeighbourOptions strict = options;
  strict.leave_out_zeros = false;
  const Compared compared = compared_by(vectors, strict);
  const std::vector<float> halves =
      options.metric == Metric::euclidean ? compared.half_squares() : std::vector<float>();
  constexpr std::int64_t spare = 8;
  const std::int64_t wanted = std::min<std::int64_t>(options.k + spare, n - 1);
  Best best(n, wanted);
  std::vector<std::mutex> locks(static_cast<std::size_t>((n + pair_rows - 1) / pair_rows));
  for_pairs(
      n, vectors.columns(),
      [&](std::int64_t first, std::int64_t count, float* out) { compared.fill(first, count, out); },
      [&](const PairTile& tile) {
        for (std::int64_t i = 0; !halves.empty() && i < tile.rows; ++i)
          to_distances(tile.values + i * tile.stride, tile.columns,
                       halves[static_cast<std::size_t>(tile.first_row + i)], halves.data() + tile.first_column);
        offer_tile(tile, best, locks);
      },
      progress, "neighbours of all vectors");
  Neighbours out{n,
                 options.k,
                 std::vector<std::int32_t>(static_cast<std::size_t>(n * options.k)),
                 std::vector<float>(static_cast<std::size_t>(n * options.k)),
                 0,
                 {}};
  const Undecided undecided = order_candidates(compared, best, wanted == n - 1, out);
  search_again(compared, undecided, out, progress);
  out.searched_again = static_cast<std::int64_t>(undecided.rows.size());
  return out;
}

Neighbours nearest_to(std::span<const float> vector, const Tensor& vectors, const NeighbourOptions& options) {
  const std::int64_t n = vectors.rows(), width = vectors.columns();
  if (static_cast<std::int64_t>(vector.size()) != width)
    throw Error(Code::shape, "neighbours",
                fmt::format("a vector of {} values among vectors of {}", vector.size(), width));
  if (options.k < 1)
    throw Error(Code::range, "neighbours", fmt::format("{} neighbours: ask for at least 1", options.k));
  Tensor wanted = Tensor::of({1, width}, vector);
  check_finite(wanted, "neighbours");
  NeighbourOptions without = options;
  without.leave_out_zeros = true;
  const Compared compared = compared_by(vectors, without);
  if (options.centred) {
    for (std::int64_t k = 0; k < width; ++k) {  // the same mean: what the copy's first row lost
      wanted.row(0)[static_cast<std::size_t>(k)] -= vectors.row(0)[static_cast<std::size_t>(k)] - compared.row(0)[k];
    }
  }
  const float* w = wanted.data();
  const double square = product_in_double(w, w, width);
  if (options.metric == Metric::cosine && square == 0)
    throw Error(Code::range, "neighbours", "a zero vector has no direction");
  std::vector<std::pair<double, std::int64_t>> scored(static_cast<std::size_t>(n));
  parallel_for(n, 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* row = options.metric == Metric::euclidean ? vectors.row(i).data() : compared.row(i);
      double score = options.metric == Metric::euclidean ? -square_distance_in_double(w, row, width) / 2
                                                         : product_in_double(w, row, width);
      if (options.metric == Metric::cosine && compared.squares[static_cast<std::size_t>(i)] > 0)
        score /= std::sqrt(square * compared.squares[static_cast<std::size_t>(i)]);
      scored[static_cast<std::size_t>(i)] = {-score, i};
    }
  });
  std::vector<std::int64_t> zeros;
  for (std::int64_t i = 0; options.metric == Metric::cosine && i < n; ++i)
    if (compared.squares[static_cast<std::size_t>(i)] == 0) zeros.push_back(i);
  std::erase_if(scored, [&](const auto& one) { return std::ranges::binary_search(zeros, one.second); });
  const std::int64_t k = std::min<std::int64_t>(options.k, static_cast<std::int64_t>(scored.size()));
  std::partial_sort(scored.begin(), scored.begin() + k, scored.end());
  Neighbours out{1, k, {}, {}, 0, std::move(zeros)};
  for (std::int64_t i = 0; i < k; ++i) {
    out.ids.push_back(static_cast<std::int32_t>(scored[static_cast<std::size_t>(i)].second));
    out.values.push_back(compared.value(-scored[static_cast<std::size_t>(i)].first));
  }
  return out;
}

}  // namespace embscope
