#include "embscope/vocabulary/geometry.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <unordered_set>

#include <fmt/format.h>

#include "embscope/project/neighbours.h"
#include "vocabulary/pairs_of.h"
#include "vocabulary/shape.h"
#include "vocabulary/units.h"

namespace embscope {
namespace {

constexpr int fine_bins = 2000;  // of 0.001, for quantiles

// Rows as a table's three columns, one row of it for each measure.
class Measures {
 public:
  void add(std::string name, double value, std::string meaning) {
    names_.push_back(std::move(name)), values_.push_back(value), meanings_.push_back(std::move(meaning));
  }
  Table table(std::string title) && {
    Table table(std::move(title));
    return std::move(
        table.add("measure", std::move(names_)).add("value", std::move(values_)).add("meaning", std::move(meanings_)));
  }

 private:
  std::vector<std::string> names_, meanings_;
  std::vector<double> values_;
};

// How many rows are equal to an earlier one, byte for byte.
std::int64_t repeated_rows(const Tensor& vectors) {
  std::unordered_set<std::string_view> seen;
  std::int64_t repeated = 0;
  for (std::int64_t i = 0; i < vectors.rows(); ++i) {
    const auto row = std::as_bytes(vectors.row(i));
    if (!seen.emplace(reinterpret_cast<const char*>(row.data()), row.size()).second) ++repeated;
  }
  return repeated;
}

void add_shape(Measures& m, const Space& space, const Directed& rows, const Shape64& s) {
  m.add("vectors", static_cast<double>(space.size()), "rows of the matrix");
  m.add("dimensions", static_cast<double>(space.width()), "values of each");
  m.add("zero vectors", static_cast<double>(rows.left_out()), "without a direction: left out of the measures below");
  m.add("repeated vectors", static_cast<double>(repeated_rows(rows.vectors())), "equal to an earlier row, bit for bit");
  m.add("mean norm", s.mean_norm, "length of a vector");
  m.add("norm deviation", s.norm_deviation, "standard deviation of the lengths");
  m.add("smallest norm", s.shortest, "");
  m.add("largest norm", s.longest, "");
  m.add("norm of the mean vector", s.mean_length, "the axis of the cone");
  m.add("share of the mean vector", s.mean_share, "|mean|^2 / mean of |x|^2: 0 when lengths cancel out");
  m.add("mean cosine", s.mean_cosine, "over all pairs (Ethayarajh 2019)");
  m.add("mean cosine, mean removed", s.centred_cosine, "what remains of the cone");
}

void add_pairs(Measures& m, const PairCosines& pairs, const std::string& suffix) {
  const Table quantiles = pair_quantiles(pairs);
  const auto& q = quantiles.column("quantile").numbers();
  const auto& c = quantiles.column("cosine").numbers();
  m.add("positive share" + suffix, pairs.positive_share, "of all pairs: 0.5 for random directions");
  for (std::size_t i = 0; i < q.size(); ++i) {
    if (q[i] == 0.01 || q[i] == 0.5 || q[i] == 0.99)
      m.add(fmt::format("cosine at {:.0f} %{}", 100 * q[i], suffix), c[i], "quantile of all pairs");
  }
}

void add_dimensions(Measures& m, const Table& table) {
  const auto& outlier = table.column("outlier").numbers();
  const auto& ratio = table.column("ratio").numbers();
  const auto& share = table.column("cosine_share").numbers();
  const auto most = std::ranges::max_element(share) - share.begin();
  m.add("stripes", static_cast<double>(std::ranges::count_if(ratio, [](double r) { return r > 1; })),
        "dimensions whose mean is larger than their deviation");
  m.add("outlier dimensions", std::accumulate(outlier.begin(), outlier.end(), 0.0),
        "mean or deviation beyond 3 deviations of all (Kovaleva et al. 2021)");
  m.add("largest cosine share", share[static_cast<std::size_t>(most)],
        fmt::format("of the mean cosine, by dimension {:.0f} alone (Timkey & van Schijndel 2021)",
                    table.columns()[0].numbers()[static_cast<std::size_t>(most)]));
}

void add_spectrum(Measures& m, const std::vector<double>& values) {
  const double all = std::accumulate(values.begin(), values.end(), 0.0);
  double sum = 0;
  std::size_t needed = 0;
  while (needed < values.size() && sum < 0.9 * all) sum += values[needed++];
  m.add("variance", all, "sum over dimensions, about the mean vector");
  m.add("share of the first component", all > 0 ? values[0] / all : 0, "of the variance");
  m.add("components for 90 %", static_cast<double>(needed), "of the variance");
  m.add("effective rank", effective_rank(values), "exp of the entropy of singular values (Roy & Vetterli 2007)");
  m.add("participation ratio", participation_ratio(values), "(sum)^2 / sum of squares of the eigenvalues");
  m.add("IsoScore", isoscore(values), "1: every direction alike; 0: a line (Rudman et al. 2022)");
}

// Mean and deviation of a list.
std::pair<double, double> spread(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double square = 0;
  for (double x : values) square += (x - mean) * (x - mean) / n;
  return {mean, std::sqrt(square)};
}

// Skewness of the k-occurrence is the usual measure of hubness (Radovanovic et al. 2010).
void add_hubs(Measures& m, const std::vector<double>& counts, int k) {
  const auto [mean, deviation] = spread(counts);
  double third = 0;
  for (double x : counts) third += std::pow(x - mean, 3) / static_cast<double>(counts.size());
  const std::string meaning = fmt::format("of how often a vector is among the {} nearest of others", k);
  m.add("hubness", deviation > 0 ? third / std::pow(deviation, 3) : 0,
        "skewness " + meaning + " (Radovanovic et al. 2010)");
  m.add("largest hub", *std::ranges::max_element(counts), "most " + meaning.substr(3));
  m.add("antihubs", static_cast<double>(std::ranges::count(counts, 0.0)) / static_cast<double>(counts.size()),
        "share of vectors that are not a neighbour of any other");
}

struct NamedNumber {
  double number, mean, deviation, ratio, share, outlier;
};

Table dimension_table(const Shape64& s) {
  const Dimensions& d = s.dimensions;
  const auto [m, md] = spread(d.mean);
  const auto [v, vd] = spread(d.deviation);
  std::vector<NamedNumber> all;
  for (std::size_t k = 0; k < d.mean.size(); ++k) {
    const bool out = std::abs(d.mean[k] - m) > 3 * md || std::abs(d.deviation[k] - v) > 3 * vd;
    all.push_back({static_cast<double>(k), d.mean[k], d.deviation[k],
                   d.mean[k] == 0 ? 0 : std::abs(d.mean[k]) / d.deviation[k], d.cosine_part[k] / s.mean_cosine,
                   out ? 1.0 : 0.0});
  }
  std::ranges::stable_sort(all, [](const NamedNumber& a, const NamedNumber& b) { return a.ratio > b.ratio; });
  const auto column = [&](double NamedNumber::*member) {
    std::vector<double> out;
    out.reserve(all.size());
    for (const NamedNumber& row : all) out.push_back(row.*member);
    return out;
  };
  Table table("dimensions by the offset that all vectors share");
  table.add("dimension", column(&NamedNumber::number), whole).add("mean", column(&NamedNumber::mean), 5);
  table.add("deviation", column(&NamedNumber::deviation), 5).add("ratio", column(&NamedNumber::ratio), 3);
  return std::move(
      table.add("cosine_share", column(&NamedNumber::share), 5).add("outlier", column(&NamedNumber::outlier), whole));
}

}  // namespace

PairCosines pair_cosines(const Tensor& vectors, bool without_mean, int bins, const Progress& progress) {
  const Directed rows(vectors);
  const auto mean = shape_of(rows.vectors()).dimensions.mean;
  return pair_cosines_of_unit(unit_vectors(rows.vectors(), without_mean ? &mean : nullptr), bins, progress);
}

Table pair_quantiles(const PairCosines& pairs) {
  const auto& from = pairs.histogram.column("from").numbers();
  const auto& to = pairs.histogram.column("to").numbers();
  const auto& counts = pairs.histogram.column("pairs").numbers();
  std::vector<double> quantiles = {0, .001, .01, .05, .1, .25, .5, .75, .9, .95, .99, .999, 1}, cosines;
  for (double q : quantiles) {
    const double wanted = q * pairs.pairs;
    double below = 0, found = from[0];
    for (std::size_t b = 0; b < counts.size(); ++b) {
      if (counts[b] == 0) continue;
      found = from[b] + (to[b] - from[b]) * std::clamp((wanted - below) / counts[b], 0.0, 1.0);
      below += counts[b];
      if (below >= wanted) break;
    }
    cosines.push_back(found);
  }
  Table table("quantiles of the cosine over all pairs");
  return std::move(table.add("quantile", quantiles, 3).add("cosine", cosines, 4));
}

namespace {

// How often each row is among the k nearest of the others.
std::vector<double> occurrences(const Tensor& vectors, int k, const Progress& progress) {
  NeighbourOptions options;
  options.k = k;
  const Neighbours near = nearest_neighbours(vectors, options, progress);
  std::vector<double> counts(static_cast<std::size_t>(near.count));
  for (std::int32_t id : near.ids) ++counts[static_cast<std::size_t>(id)];
  return counts;
}

int possible_neighbours(const Tensor& vectors, int k) {
  return static_cast<int>(std::min<std::int64_t>(k, vectors.rows() - 1));
}

}  // namespace

Table geometry(const Space& space, const GeometryOptions& options, const Progress& progress) {
  const Directed rows(space.vectors);
  const Shape64 s = shape_of(rows.vectors());
  Measures m;
  add_shape(m, space, rows, s);
  if (options.pairs) {
    add_pairs(m, pair_cosines_of_unit(unit_vectors(rows.vectors()), fine_bins, part_of(progress, 0, .25)), "");
    add_pairs(
        m,
        pair_cosines_of_unit(unit_vectors(rows.vectors(), &s.dimensions.mean), fine_bins, part_of(progress, .25, .5)),
        ", mean removed");
  }
  add_dimensions(m, dimension_table(s));
  add_spectrum(m, principal_axes(rows.vectors(), s.dimensions.mean).values);
  m.add("partition isotropy", partition_isotropy(rows.vectors()),
        "min Z / max Z over the axes (Arora et al. 2016; Mu & Viswanath 2018)");
  if (options.k > 0) {
    const int k = possible_neighbours(rows.vectors(), options.k);
    add_hubs(m, occurrences(rows.vectors(), k, part_of(progress, .5, 1)), k);
  }
  report(progress, 1, "geometry");
  return std::move(m).table("geometry of " + space.name);
}

Table hubs(const Space& space, int k, const Progress& progress) {
  const Directed rows(space.vectors);
  const auto counts = occurrences(rows.vectors(), possible_neighbours(rows.vectors(), k), progress);
  std::vector<std::size_t> order(counts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
  std::vector<double> rank, id, occurrence;
  std::vector<std::string> token;
  for (std::size_t i : order) {
    const std::int64_t row = rows.rows()[i];
    rank.push_back(static_cast<double>(rank.size() + 1)), id.push_back(static_cast<double>(row));
    token.push_back(space.labels[static_cast<std::size_t>(row)]), occurrence.push_back(counts[i]);
  }
  Table table(fmt::format("how often a vector is among the {} nearest of others", k));
  return std::move(
      table.add("rank", rank, whole).add("token", token).add("id", id, whole).add("occurrence", occurrence, whole));
}

Table dimensions(const Space& space) { return dimension_table(shape_of(Directed(space.vectors).vectors())); }

Table spectrum(const Space& space) {
  const Directed rows(space.vectors);
  const auto values = principal_axes(rows.vectors(), shape_of(rows.vectors()).dimensions.mean).values;
  const double all = std::accumulate(values.begin(), values.end(), 0.0);
  std::vector<double> component, share, cumulated;
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    component.push_back(static_cast<double>(i + 1));
    share.push_back(all > 0 ? values[i] / all : 0);
    cumulated.push_back(sum += share.back());
  }
  Table table("variance along the principal axes");
  table.add("component", component, whole).add("variance", values, 6);
  return std::move(table.add("share", share, 5).add("cumulated", cumulated, 5));
}

Table norms(const Space& space, int bins) {
  if (bins < 1 || bins > 100000) throw Error(Code::range, "norms", fmt::format("{} bins: choose 1 to 100000", bins));
  std::vector<double> lengths;
  for (std::int64_t i = 0; i < space.size(); ++i) {
    double square = 0;
    for (float x : space.vectors.row(i)) square += static_cast<double>(x) * static_cast<double>(x);
    lengths.push_back(std::sqrt(square));
  }
  const double least = *std::ranges::min_element(lengths), most = *std::ranges::max_element(lengths);
  const double step = most > least ? (most - least) / bins : 1;
  std::vector<double> from, to, count(static_cast<std::size_t>(bins));
  for (int b = 0; b < bins; ++b) from.push_back(least + b * step), to.push_back(least + (b + 1) * step);
  for (double x : lengths)
    ++count[static_cast<std::size_t>(std::min<double>(bins - 1, std::floor((x - least) / step)))];
  Table table("lengths of the vectors");
  return std::move(table.add("from", from, 4).add("to", to, 4).add("vectors", count, whole));
}

}  // namespace embscope
