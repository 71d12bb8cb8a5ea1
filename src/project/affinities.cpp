#include "project/affinities.h"

#include <algorithm>
#include <cmath>
#include <ranges>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/threads.h"
#include "kernels/plane.h"

namespace embscope {
namespace {

// The bandwidth by Newton's method on the entropy, limited to the current bracket.
void calibrate(const float* d, std::int64_t k, double perplexity, float* p) {
  const double wanted = std::log(perplexity);
  const float nearest = *std::min_element(d, d + k);
  const ExpSums start = exp_sums(d, k, nearest, 0, p);
  double low = 0, high = 1e30, beta = start.first > 0 ? start.sum / start.first : 1;
  for (int round = 0; round < 100; ++round) {
    const ExpSums s = exp_sums(d, k, nearest, static_cast<float>(beta), p);
    const double mean = s.first / s.sum, variance = s.second / s.sum - mean * mean;
    const double off = std::log(s.sum) + beta * mean - wanted;
    for (std::int64_t j = 0; j < k; ++j) p[j] = static_cast<float>(static_cast<double>(p[j]) / s.sum);
    // More equal neighbours than the perplexity: no bandwidth tells them apart.
    if (std::abs(off) < 1e-6 || beta >= 1e15) return;
    (off > 0 ? low : high) = beta;
    const double newton = beta + off / (beta * variance);  // the entropy falls by beta times the variance
    const bool inside = newton > low && newton < high && newton < 16 * beta;
    beta = inside ? newton : high < 1e30 ? (low + high) / 2 : beta * 2;
    if (high - low <= 1e-7 * high) return;  // the steps of fp32
  }
}

struct Row {
  std::int32_t index;
  float p;
};

// The neighbours of each row by ascending index. The input is freed: for a large vocabulary it is the larger part of
// the memory.
std::vector<Row> by_index(Neighbours neighbours, std::vector<float> conditional) {
  neighbours.values = {};
  std::vector<Row> rows(conditional.size());
  parallel_for(neighbours.count, 512, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i * neighbours.k, last = first + neighbours.k;
      for (std::int64_t at = first; at < last; ++at)
        rows[static_cast<std::size_t>(at)] = {neighbours.ids[static_cast<std::size_t>(at)],
                                              conditional[static_cast<std::size_t>(at)]};
      std::sort(rows.begin() + first, rows.begin() + last,
                [](const Row& a, const Row& b) { return a.index < b.index; });
    }
  });
  return rows;
}

// Where other rows name each row: positions in their rows of length k, in ascending order.
struct Incoming {
  std::vector<std::int64_t> offsets;
  std::vector<std::uint32_t> places;
};

Incoming transposed(const std::vector<Row>& rows, std::int64_t n) {
  Incoming in{std::vector<std::int64_t>(static_cast<std::size_t>(n + 1)), std::vector<std::uint32_t>(rows.size())};
  for (const Row& row : rows) ++in.offsets[static_cast<std::size_t>(row.index) + 1];
  for (std::size_t i = 1; i < in.offsets.size(); ++i) in.offsets[i] += in.offsets[i - 1];
  std::vector<std::int64_t> at(in.offsets.begin(), in.offsets.end() - 1);
  for (std::size_t place = 0; place < rows.size(); ++place)
    in.places[static_cast<std::size_t>(at[static_cast<std::size_t>(rows[place].index)]++)] =
        static_cast<std::uint32_t>(place);
  return in;
}

// emit(index, p of own, p of incoming) for the union of two ascending lists, with 0 for missing values.
template <class Incoming, class Emit>
void merge(std::span<const Row> own, const Incoming& incoming, const Emit& emit) {
  auto a = own.begin();
  auto b = incoming.begin();
  while (a != own.end() || b != incoming.end()) {
    if (b == incoming.end() || (a != own.end() && a->index < (*b).index)) {
      emit(a->index, a->p, 0.0f);
      ++a;
    } else if (a == own.end() || (*b).index < a->index) {
      emit((*b).index, 0.0f, (*b).p);
      ++b;
    } else {
      emit(a->index, a->p, (*b).p);
      ++a, ++b;
    }
  }
}

// The union of both directions, `combined(p, q)` of each pair, in rows padded to weight_step.
template <class Combine>
Affinities both_ways(Neighbours neighbours, std::vector<float> directed, const Combine& combined) {
  const std::int64_t n = neighbours.count, k = neighbours.k;
  if (n * k > UINT32_MAX)
    throw Error(Code::range, "map",
                fmt::format("{} points with {} neighbours each: fewer of one, at most {} in all", n, k, UINT32_MAX));
  const std::vector<Row> rows = by_index(std::move(neighbours), std::move(directed));
  const Incoming in = transposed(rows, n);
  const auto who = [&rows, k = static_cast<std::uint32_t>(k)](std::uint32_t place) {
    return Row{static_cast<std::int32_t>(place / k), rows[place].p};
  };
  auto for_row = [&](std::int64_t i, const auto& emit) {
    const auto r = static_cast<std::size_t>(i);
    const std::span places(in.places.data() + in.offsets[r],
                           static_cast<std::size_t>(in.offsets[r + 1] - in.offsets[r]));
    merge({rows.data() + i * k, static_cast<std::size_t>(k)}, places | std::views::transform(who), emit);
  };
  Affinities out;
  out.offsets.resize(static_cast<std::size_t>(n + 1));
  parallel_for(n, 512, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::int64_t count = 0;
      for_row(i, [&](std::int32_t, float, float) { ++count; });
      out.offsets[static_cast<std::size_t>(i) + 1] = (count + weight_step - 1) / weight_step * weight_step;
    }
  });
  for (std::size_t i = 1; i < out.offsets.size(); ++i) out.offsets[i] += out.offsets[i - 1];
  out.index.resize(static_cast<std::size_t>(out.offsets.back()));
  out.p.resize(out.index.size());
  parallel_for(n, 512, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      auto at = static_cast<std::size_t>(out.offsets[static_cast<std::size_t>(i)]);
      for_row(i, [&](std::int32_t j, float p, float q) {
        out.index[at] = j, out.p[at] = combined(p, q);
        ++at;
      });
      for (; at < static_cast<std::size_t>(out.offsets[static_cast<std::size_t>(i) + 1]); ++at)
        out.index[at] = static_cast<std::int32_t>(i);
    }
  });
  return out;
}

}  // namespace

std::vector<float> conditional_weights(const Neighbours& neighbours, Metric metric, double perplexity) {
  std::vector<float> p(neighbours.values.size());
  parallel_for(neighbours.count, 256, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> d(static_cast<std::size_t>(neighbours.k));
    for (std::int64_t i = begin; i < end; ++i) {
      const auto values = neighbours.values_of(i);
      for (std::size_t j = 0; j < d.size(); ++j) {
        const float distance = metric == Metric::cosine ? 1 - values[j] : values[j];
        d[j] = distance * distance;
      }
      calibrate(d.data(), neighbours.k, perplexity, p.data() + i * neighbours.k);
    }
  });
  return p;
}

Affinities symmetric(Neighbours neighbours, std::vector<float> conditional) {
  const double both = 2 * static_cast<double>(neighbours.count);
  Affinities out = both_ways(std::move(neighbours), std::move(conditional), [both](float p, float q) {
    return static_cast<float>((static_cast<double>(p) + static_cast<double>(q)) / both);
  });
  constexpr std::int64_t share = 65536;
  std::vector<double> entropies(out.p.size() / share + 1);
  parallel_for(static_cast<std::int64_t>(out.p.size()), share, [&](std::int64_t begin, std::int64_t end) {
    double& sum = entropies[static_cast<std::size_t>(begin / share)];
    for (std::int64_t e = begin; e < end; ++e) {
      const auto p = static_cast<double>(out.p[static_cast<std::size_t>(e)]);
      if (p > 0) sum += p * std::log(p);
    }
  });
  for (double entropy : entropies) out.entropy += entropy;
  return out;
}

Affinities fuzzy_union(Neighbours neighbours, std::vector<float> directed) {
  return both_ways(std::move(neighbours), std::move(directed), [](float p, float q) { return p + q - p * q; });
}

}  // namespace embscope
