#include "embscope/runs/quantisation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "base/threads.h"
#include "embscope/base/error.h"
#include "model/block.h"

namespace embscope {
namespace {

constexpr int bins = 18;       // the first: no difference; then by powers of two
constexpr int smallest = -16;  // bin 1 holds all below 2^smallest
constexpr std::int64_t chunk = 64;

using Counts = std::array<std::int64_t, bins>;

int bin_of(double difference) {
  if (difference == 0) return 0;
  return std::clamp(static_cast<int>(std::floor(std::log2(difference))) - smallest + 2, 1, bins - 1);
}
double begin_of(int bin) { return bin < 2 ? 0 : std::exp2(bin - 2 + smallest); }

struct Pair {
  std::string name;
  const Matrix* matrix;
  const Matrix* reference;
};

struct Row {
  double difference = 0, size = 0, largest = 0;  // sums of squares; the largest difference
  double error() const { return size > 0 ? std::sqrt(difference / size) : difference > 0 ? INFINITY : 0; }
};

void add(std::vector<Pair>& pairs, const std::string& name, const Matrix& a, const Matrix& b) {
  if (a.empty() && b.empty()) return;
  if (a.out != b.out || a.in != b.in)
    throw Error(Code::shape, name,
                fmt::format("is {} x {}, in the reference {} x {}: not the same model", a.out, a.in, b.out, b.in));
  pairs.push_back({name, &a, &b});
}

// The matrices of a block, those of experts among them, by the names of their parameters.
struct BlockPairs {
  std::vector<Pair>& pairs;
  const Config& config;
  std::string block;

  void operator()(const BlockPart& part, const Linear& a, const Linear& b) const {
    add(pairs, block + "." + part.name, a.weight, b.weight);
  }
  void operator()(const ExpertWeights& a, const ExpertWeights& b) const {
    if (a.each.size() != b.each.size())
      throw Error(Code::shape, block,
                  fmt::format("has {} experts, the reference {}: not the same model", a.each.size(), b.each.size()));
    visit_experts(config, *this, a, b);
  }
  template <class Vectors>
  void operator()(const BlockPart&, const Vectors&, const Vectors&) const {}
};

std::vector<Pair> pairs_of(const Model& model, const Model& reference) {
  const Weights &a = model.weights(), &b = reference.weights();
  if (a.blocks.size() != b.blocks.size())
    throw Error(Code::shape, model.name(),
                fmt::format("has {} blocks, the reference {}: not the same model", a.blocks.size(), b.blocks.size()));
  std::vector<Pair> pairs;
  add(pairs, "wte", a.wte, b.wte);
  add(pairs, "wpe", a.wpe, b.wpe);
  add(pairs, "per_layer", a.per_layer, b.per_layer);
  for (std::size_t i = 0; i < a.blocks.size(); ++i) {
    visit(model.config(), model.config().layers[i], BlockPairs{pairs, model.config(), fmt::format("blocks.{}", i)},
          a.blocks[i], b.blocks[i]);
  }
  if (!model.config().tied || !reference.config().tied) add(pairs, "unembed", a.unembed, b.unembed);
  return pairs;
}

Row compare(std::span<const float> a, std::span<const float> b, Counts& counts) {
  Row row;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(b[i]), d = std::abs(static_cast<double>(a[i]) - x);
    row.difference += d * d, row.size += x * x, row.largest = std::max(row.largest, d);
  }
  const double unit = std::sqrt(row.size / static_cast<double>(a.size()));
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    ++counts[static_cast<std::size_t>(unit > 0 ? bin_of(d / unit) : d > 0 ? bins - 1 : 0)];
  }
  return row;
}

/// One pair's rows, each computed by itself: the sums are added in order.
std::vector<Row> compare(const Pair& pair, Counts& counts) {
  const std::int64_t out = pair.matrix->out, in = pair.matrix->in;
  std::vector<Row> rows(static_cast<std::size_t>(out));
  std::vector<Counts> of_chunks(static_cast<std::size_t>((out + chunk - 1) / chunk), Counts{});
  parallel_for(out, chunk, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> a(static_cast<std::size_t>(in)), b(a.size());
    for (std::int64_t j = begin; j < end; ++j) {
      pair.matrix->row(j, a.data()), pair.reference->row(j, b.data());
      rows[static_cast<std::size_t>(j)] = compare(a, b, of_chunks[static_cast<std::size_t>(begin / chunk)]);
    }
  });
  for (const Counts& one : of_chunks)
    for (std::size_t i = 0; i < one.size(); ++i) counts[i] += one[i];
  return rows;
}

struct Worst {
  std::string tensor, type;
  double row, error;
};

/// What is found, pair after pair.
class Found {
 public:
  explicit Found(int worst_rows) : worst_rows_(static_cast<std::size_t>(worst_rows)) {}

  void add(const Pair& pair) {
    const std::string type(embscope::name(pair.matrix->view.dtype));
    const std::vector<Row> rows = compare(pair, counts_[type]);
    Row sum;
    std::size_t worst = 0;
    for (std::size_t j = 0; j < rows.size(); ++j) {
      sum.difference += rows[j].difference, sum.size += rows[j].size,
          sum.largest = std::max(sum.largest, rows[j].largest);
      if (rows[j].error() > rows[worst].error()) worst = j;
    }
    if (!std::isfinite(sum.difference) || !std::isfinite(sum.size))
      throw Error(Code::format, pair.name, "holds weights that are not finite");
    name_.push_back(pair.name), type_.push_back(type),
        reference_.emplace_back(embscope::name(pair.reference->view.dtype));
    shape_.push_back(fmt::format("{} x {}", pair.matrix->out, pair.matrix->in));
    error_.push_back(sum.error()), largest_.push_back(sum.largest);
    worst_row_.push_back(static_cast<double>(worst)), row_error_.push_back(rows[worst].error());
    keep_worst(pair.name, type, rows);
  }

  QuantisationError result(const Model& model, const Model& reference) && {
    QuantisationError out;
    out.worst = error_.empty() ? 0 : *std::ranges::max_element(error_);
    out.tensors = Table(fmt::format("{} against {}", model.name(), reference.name()));
    out.tensors.add("tensor", name_)
        .add("shape", shape_)
        .add("type", type_)
        .add("reference", reference_)
        .add("error", error_, 6);
    out.tensors.add("largest", largest_, 6).add("worst_row", worst_row_, whole).add("row_error", row_error_, 6);
    out.rows = worst_table();
    out.differences = difference_table();
    return out;
  }

 private:
  void keep_worst(const std::string& name, const std::string& type, const std::vector<Row>& rows) {
    for (std::size_t j = 0; j < rows.size(); ++j)
      if (rows[j].difference > 0) worst_.push_back({name, type, static_cast<double>(j), rows[j].error()});
    std::ranges::stable_sort(worst_, std::greater(), &Worst::error);
    worst_.resize(std::min(worst_.size(), worst_rows_));
  }

  Table worst_table() const {
    std::vector<std::string> tensor, type;
    std::vector<double> row, error;
    for (const Worst& one : worst_)
      tensor.push_back(one.tensor), type.push_back(one.type), row.push_back(one.row), error.push_back(one.error);
    Table table("rows that are farthest off");
    return std::move(table.add("tensor", tensor).add("row", row, whole).add("error", error, 6).add("type", type));
  }

  Table difference_table() const {
    std::vector<std::string> type;
    std::vector<double> from, to, share;
    for (const auto& [name, counts] : counts_) {
      double all = 0;
      for (std::int64_t count : counts) all += static_cast<double>(count);
      for (int bin = 0; bin < bins; ++bin) {
        type.push_back(name);
        from.push_back(begin_of(bin)), to.push_back(bin == 0 ? 0 : bin + 1 == bins ? INFINITY : begin_of(bin + 1));
        share.push_back(all > 0 ? static_cast<double>(counts[static_cast<std::size_t>(bin)]) / all : 0);
      }
    }
    Table table("differences of single weights, in sizes of a weight");
    return std::move(table.add("type", type).add("from", from).add("to", to).add("share", share, 5));
  }

  std::size_t worst_rows_;
  std::vector<std::string> name_, shape_, type_, reference_;
  std::vector<double> error_, largest_, worst_row_, row_error_;
  std::vector<Worst> worst_;
  std::map<std::string, Counts> counts_;
};

}  // namespace

QuantisationError quantisation_error(const Model& model, const Model& reference, int worst_rows,
                                     const Progress& progress) {
  if (worst_rows < 1) throw Error(Code::range, "verify", fmt::format("{} rows: ask for at least 1", worst_rows));
  const std::vector<Pair> pairs = pairs_of(model, reference);
  Found found(worst_rows);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    report(progress, static_cast<double>(i) / static_cast<double>(pairs.size()), pairs[i].name);
    found.add(pairs[i]);
  }
  report(progress, 1, "types");
  return std::move(found).result(model, reference);
}

}  // namespace embscope
