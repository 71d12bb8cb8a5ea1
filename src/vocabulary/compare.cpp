#include "embscope/vocabulary/compare.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include <fmt/format.h>

#include "base/random.h"
#include "base/threads.h"
#include "embscope/project/neighbours.h"
#include "embscope/vocabulary/similarity.h"
#include "embscope/vocabulary/words.h"
#include "kernels/gemm.h"
#include "vocabulary/shape.h"
#include "vocabulary/units.h"

namespace embscope {
namespace {

struct Side {
  Tensor vectors;                 // [n, D]: matched rows
  std::vector<std::int64_t> row;  // their rows in the space
  std::vector<double> mean;
};

struct Matched {
  Side a, b;
  std::vector<std::string> labels;
  std::int64_t only_a = 0, only_b = 0, zero = 0;
};

bool is_zero(std::span<const float> row) {
  return std::ranges::all_of(row, [](float x) { return x == 0; });
}

Tensor gather(const Tensor& vectors, const std::vector<std::int64_t>& rows) {
  Tensor out = Tensor::uninitialised({static_cast<std::int64_t>(rows.size()), vectors.columns()});
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::ranges::copy(vectors.row(rows[i]), out.row(static_cast<std::int64_t>(i)).begin());
  return out;
}

std::unordered_map<std::string, std::int64_t> first_rows(const Space& space) {
  std::unordered_map<std::string, std::int64_t> rows;
  for (std::int64_t i = 0; i < space.size(); ++i) rows.try_emplace(space.labels[static_cast<std::size_t>(i)], i);
  return rows;
}

Matched match(const Space& a, const Space& b) {
  Matched m;
  const auto in_a = first_rows(a), in_b = first_rows(b);
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const std::string& label = a.labels[static_cast<std::size_t>(i)];
    if (in_a.at(label) != i) continue;
    const auto other = in_b.find(label);
    if (other == in_b.end()) {
      ++m.only_a;
    } else if (is_zero(a.vectors.row(i)) || is_zero(b.vectors.row(other->second))) {
      ++m.zero;
    } else {
      m.a.row.push_back(i), m.b.row.push_back(other->second), m.labels.push_back(label);
    }
  }
  m.only_b = static_cast<std::int64_t>(in_b.size() - m.labels.size()) - m.zero;
  if (m.labels.size() < 3)
    throw Error(Code::usage, "compare",
                fmt::format("{} labels of {} and {} match: at least 3 are needed", m.labels.size(), a.name, b.name));
  m.a.vectors = gather(a.vectors, m.a.row), m.b.vectors = gather(b.vectors, m.b.row);
  m.a.mean = mean_of(m.a.vectors), m.b.mean = mean_of(m.b.vectors);
  return m;
}

Matrix64 cross(const Side& x, const Side& y) {
  return moments(x.vectors.data(), x.vectors.columns(), x.mean.data(), y.vectors.data(), y.vectors.columns(),
                 y.mean.data(), x.vectors.rows());
}

double trace(const Matrix64& m) {
  double sum = 0;
  for (std::int64_t i = 0; i < m.rows; ++i) sum += m.row(i)[i];
  return sum;
}

// Comparison of coordinates: CKA needs no alignment; Procrustes gives the rotation from a to b.
struct Alignment {
  double cka, similarity;
  Matrix64 rotation;  // [Da, Db]
};

Alignment align(const Matched& m) {
  const Matrix64 aa = cross(m.a, m.a), bb = cross(m.b, m.b), ab = cross(m.a, m.b);
  const Svd s = svd(ab);
  const double size = std::sqrt(trace(aa) * trace(bb)), spread = std::sqrt(squares(aa) * squares(bb));
  if (size == 0) throw Error(Code::range, "compare", "all vectors of one side are equal: there is nothing to align");
  return {as_cosine(squares(ab) / spread), as_cosine(std::accumulate(s.values.begin(), s.values.end(), 0.0) / size),
          product(transpose(s.left), s.right)};
}

double cosine_or_nan(std::span<const float> a, std::span<const float> b) {
  return is_zero(a) || is_zero(b) ? std::nan("") : cosine(a, b);
}

// The cosine of each rotated row of a with its row of b, both with their means removed.
std::vector<double> aligned_cosines(const Matched& m, const Matrix64& rotation) {
  const Tensor a = centred(m.a.vectors, m.a.mean), b = centred(m.b.vectors, m.b.mean);
  const Packed turn(rotation.columns, rotation.rows, [&](std::int64_t p, float* panel) {
    for (std::int64_t k = 0; k < rotation.rows; ++k) {
      for (std::int64_t j = 0; j < panel_width; ++j) {
        const std::int64_t at = p * panel_width + j;
        panel[k * panel_width + j] = at < rotation.columns ? static_cast<float>(rotation.row(k)[at]) : 0.0f;
      }
    }
  });
  Tensor turned = Tensor::uninitialised({a.rows(), rotation.columns});
  const Product products[] = {{&turn, nullptr, turned.data(), rotation.columns}};
  gemm(a.data(), a.columns(), a.rows(), products);
  std::vector<double> out;
  for (std::int64_t i = 0; i < a.rows(); ++i) out.push_back(cosine_or_nan(turned.row(i), b.row(i)));
  return out;
}

std::vector<double> own_cosines(const Matched& m) {
  std::vector<double> out(m.labels.size(), std::nan(""));
  if (m.a.vectors.columns() != m.b.vectors.columns()) return out;
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = cosine(m.a.vectors.row(static_cast<std::int64_t>(i)), m.b.vectors.row(static_cast<std::int64_t>(i)));
  return out;
}

// Cosines of the same pairs in both spaces: all pairs, or a random sample drawn with the seed (a pair may be drawn
// twice).
std::pair<std::vector<double>, std::vector<double>> pair_samples(const Matched& m, const CompareOptions& o) {
  const auto n = static_cast<std::int64_t>(m.labels.size());
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  if (n * (n - 1) / 2 <= o.pairs) {
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = i + 1; j < n; ++j) pairs.emplace_back(i, j);
    }
  } else {
    Random random(o.seed);
    while (static_cast<std::int64_t>(pairs.size()) < o.pairs) {
      const auto i = static_cast<std::int64_t>(random.uniform() * static_cast<double>(n)),
                 j = static_cast<std::int64_t>(random.uniform() * static_cast<double>(n));
      if (i != j) pairs.emplace_back(i, j);
    }
  }
  std::vector<double> a(pairs.size()), b(pairs.size());
  parallel_for(static_cast<std::int64_t>(pairs.size()), 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const auto at = static_cast<std::size_t>(p);
      const auto [i, j] = pairs[at];
      a[at] = cosine(m.a.vectors.row(i), m.a.vectors.row(j));
      b[at] = cosine(m.b.vectors.row(i), m.b.vectors.row(j));
    }
  });
  return {std::move(a), std::move(b)};
}

// The share of each row's k neighbours that are its neighbours on the other side too.
std::vector<double> kept_neighbours(const Matched& m, int k, const Progress& progress) {
  std::vector<double> out(m.labels.size(), std::nan(""));
  if (k == 0) return out;
  NeighbourOptions options;
  options.k = static_cast<int>(std::min<std::int64_t>(k, m.a.vectors.rows() - 1));
  const Neighbours a = nearest_neighbours(m.a.vectors, options, progress),
                   b = nearest_neighbours(m.b.vectors, options, progress);
  for (std::int64_t i = 0; i < a.count; ++i) {
    const auto mine = a.ids_of(i), theirs = b.ids_of(i);
    const auto common =
        std::ranges::count_if(mine, [&](std::int32_t id) { return std::ranges::find(theirs, id) != theirs.end(); });
    out[static_cast<std::size_t>(i)] = static_cast<double>(common) / options.k;
  }
  return out;
}

double mean_known(const std::vector<double>& values) {
  double sum = 0, count = 0;
  for (double x : values) {
    if (!std::isnan(x)) sum += x, ++count;
  }
  return count > 0 ? sum / count : std::nan("");
}

Table token_table(const Matched& m, const std::vector<double>& own, const std::vector<double>& aligned,
                  const std::vector<double>& kept) {
  std::vector<std::size_t> order(m.labels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key = [&](std::size_t i) { return std::isnan(aligned[i]) ? -2 : aligned[i]; };
  std::ranges::stable_sort(order, [&](std::size_t x, std::size_t y) { return key(x) < key(y); });
  std::vector<std::string> token;
  std::vector<double> columns[5];
  for (std::size_t i : order) {
    token.push_back(m.labels[i]);
    const double values[] = {static_cast<double>(m.a.row[i]), static_cast<double>(m.b.row[i]), own[i], aligned[i],
                             kept[i]};
    for (std::size_t c = 0; c < std::size(values); ++c) columns[c].push_back(values[c]);
  }
  Table table("tokens that moved most, first");
  table.add("token", token).add("a", columns[0], whole).add("b", columns[1], whole);
  return std::move(
      table.add("own_cosine", columns[2], 4).add("aligned_cosine", columns[3], 4).add("kept", columns[4], 2));
}

class Rows {
 public:
  void add(std::string name, double value, std::string meaning) {
    names_.push_back(std::move(name)), values_.push_back(value), meanings_.push_back(std::move(meaning));
  }
  Table table(std::string title) && {
    Table table(std::move(title));
    return std::move(table.add("measure", names_).add("value", values_).add("meaning", meanings_));
  }

 private:
  std::vector<std::string> names_, meanings_;
  std::vector<double> values_;
};

}  // namespace

Comparison compare(const Space& a, const Space& b, const CompareOptions& options, const Progress& progress) {
  if (options.k < 0 || options.pairs < 3)
    throw Error(Code::range, "compare",
                fmt::format("k = {}, {} pairs: k from 0 and at least 3 pairs", options.k, options.pairs));
  const Matched m = match(a, b);
  report(progress, 0.05, "matched");
  const Alignment alignment = align(m);
  report(progress, 0.3, "aligned");
  const auto own = own_cosines(m), aligned = aligned_cosines(m, alignment.rotation);
  const auto [x, y] = pair_samples(m, options);
  report(progress, 0.4, "pairs");
  const auto kept = kept_neighbours(m, options.k, progress);
  Comparison out;
  out.matched = static_cast<std::int64_t>(m.labels.size());
  out.only_a = m.only_a, out.only_b = m.only_b, out.zero = m.zero;
  const bool few = out.matched <= std::max(a.width(), b.width());
  const std::string fits = few ? "; fewer vectors than dimensions: a perfect alignment always exists" : "";
  Rows rows;
  rows.add("matched", static_cast<double>(out.matched),
           fmt::format("labels in both; {} only in the first, {} only in the second, {} zero", out.only_a, out.only_b,
                       out.zero));
  rows.add("linear CKA", alignment.cka, "1: equal up to a rotation and a scale (Kornblith et al. 2019)" + fits);
  rows.add("Procrustes similarity", alignment.similarity,
           "after the best rotation; 1: the same shape (Schoenemann 1966)" + fits);
  rows.add("Procrustes disparity", 1 - alignment.similarity * alignment.similarity,
           "remaining sum of squares; both sides have size 1");
  rows.add("RSA (Spearman)", spearman(x, y),
           fmt::format("correlation of cosines of {} pairs{} (Kriegeskorte et al. 2008)", x.size(),
                       out.matched * (out.matched - 1) / 2 <= options.pairs
                           ? ", all"
                           : fmt::format(" drawn with seed {}", options.seed)));
  rows.add("RSA (Pearson)", pearson(x, y), "the same pairs");
  rows.add("neighbours kept", mean_known(kept), fmt::format("share of the {} nearest that are the same", options.k));
  rows.add("own cosine", mean_known(own),
           a.width() == b.width() ? "between a token's two vectors, with the coordinates unchanged"
                                  : "widths differ: the coordinates cannot be compared directly");
  rows.add("own cosine, aligned", mean_known(aligned), "after the rotation, about the mean vectors" + fits);
  out.measures = std::move(rows).table(fmt::format("{} beside {}", a.name, b.name));
  out.tokens = token_table(m, own, aligned, kept);
  out.pairs = Table("cosines of pairs in each space");
  const auto shown = static_cast<std::ptrdiff_t>(std::min<std::size_t>(5000, x.size()));
  out.pairs.add("a", std::vector(x.begin(), x.begin() + shown), 4)
      .add("b", std::vector(y.begin(), y.begin() + shown), 4);
  report(progress, 1, "compared");
  return out;
}

}  // namespace embscope
