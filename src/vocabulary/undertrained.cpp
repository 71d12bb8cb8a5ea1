// Under-trained tokens, by the distance of their rows to rows of tokens that cannot occur in a training text.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/threads.h"
#include "embscope/vocabulary/geometry.h"
#include "vocabulary/units.h"

namespace embscope {
namespace {

// Bytes that UTF-8 never contains (RFC 3629): tokens of text cannot contain them.
std::vector<int> impossible_bytes() {
  std::vector<int> bytes = {0xC0, 0xC1};
  for (int b = 0xF5; b <= 0xFF; ++b) bytes.push_back(b);
  return bytes;
}

struct Reference {
  std::vector<std::int64_t> rows;
  std::string which;
};

// Rows beyond the tokenizer's ids, and the single-byte tokens that text cannot contain.
Reference unused_rows(const Space& space, std::span<const std::int64_t> given) {
  Reference out;
  for (std::int64_t row : given) {
    if (row < 0 || row >= space.size())
      throw Error(Code::range, "unused rows",
                  fmt::format("row {}: {} has rows 0..{}", row, space.name, space.size() - 1));
    out.rows.push_back(row);
  }
  if (!given.empty()) {
    out.which = fmt::format("the {} rows given ({}..{})", given.size(), *std::ranges::min_element(given),
                            *std::ranges::max_element(given));
    return out;
  }
  const WordIndex index(space);
  std::vector<std::string> bytes;
  for (int b : impossible_bytes()) {
    const auto row = index.row(fmt::format("<0x{:02X}>", b));
    if (row) out.rows.push_back(*row), bytes.push_back(fmt::format("{:02X}", b));
  }
  if (!bytes.empty())
    out.which = fmt::format("{} bytes that UTF-8 never has ({})", bytes.size(), fmt::join(bytes, " "));
  if (space.model != nullptr && space.model->has_tokenizer() && space.model->tokenizer().size() < space.size()) {
    const std::int64_t first = space.model->tokenizer().size();
    for (std::int64_t i = first; i < space.size(); ++i) out.rows.push_back(i);
    out.which +=
        fmt::format("{}rows {}..{}, which have no token", out.which.empty() ? "" : " and ", first, space.size() - 1);
  }
  return out;
}

Tensor unembedding(const Model& model) {
  Tensor rows = Tensor::uninitialised({model.config().vocab, model.config().width});
  parallel_for(rows.rows(), 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) model.weights().unembed.row(i, rows.row(i).data());
  });
  return rows;
}

std::vector<double> mean_of(const Tensor& vectors, std::span<const std::int64_t> rows) {
  std::vector<double> mean(static_cast<std::size_t>(vectors.columns()));
  for (std::int64_t i : rows) {
    for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += static_cast<double>(vectors.row(i)[k]);
  }
  for (double& x : mean) x /= static_cast<double>(rows.size());
  return mean;
}

// 1 - cosine, in double; the length's product is at least 1e-6 as in Land & Bartolo's own code, so that zero rows
// give 1.
std::vector<double> indicators(const Tensor& vectors, const std::vector<double>& mean) {
  double own = 0;
  for (double x : mean) own += x * x;
  std::vector<double> out;
  for (std::int64_t i = 0; i < vectors.rows(); ++i) {
    double along = 0, square = 0;
    for (std::size_t k = 0; k < mean.size(); ++k) {
      const double x = static_cast<double>(vectors.row(i)[k]);
      along += x * mean[k], square += x * x;
    }
    out.push_back(1 - as_cosine(along / std::max(1e-6, std::sqrt(own * square))));
  }
  return out;
}

}  // namespace

Undertrained undertrained(const Space& space, std::span<const std::int64_t> unused) {
  const auto count = static_cast<std::size_t>(space.size());
  const Reference reference = unused_rows(space, unused);
  std::vector<double> indicator(count, std::nan("")), distance, norm;
  const bool untied = space.model != nullptr && !space.model->config().tied;
  if (!reference.rows.empty()) {
    const Tensor rows = untied ? unembedding(*space.model) : Tensor();
    const Tensor& looked_at = untied ? rows : space.vectors;
    indicator = indicators(looked_at, mean_of(looked_at, reference.rows));
  }
  std::vector<std::int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  const auto centre = mean_of(space.vectors, order);
  for (std::int64_t i = 0; i < space.size(); ++i) {
    double away = 0, square = 0;
    for (std::size_t k = 0; k < centre.size(); ++k) {
      const double x = static_cast<double>(space.vectors.row(i)[k]);
      away += (x - centre[k]) * (x - centre[k]), square += x * x;
    }
    distance.push_back(std::sqrt(away)), norm.push_back(std::sqrt(square));
  }
  const auto& key = reference.rows.empty() ? distance : indicator;
  std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) {
    return key[static_cast<std::size_t>(a)] < key[static_cast<std::size_t>(b)];
  });
  std::vector<double> rank, id, columns[3];
  std::vector<std::string> token;
  for (std::int64_t i : order) {
    const auto at = static_cast<std::size_t>(i);
    rank.push_back(static_cast<double>(rank.size() + 1)), id.push_back(static_cast<double>(i));
    token.push_back(space.labels[at]);
    columns[0].push_back(indicator[at]), columns[1].push_back(distance[at]), columns[2].push_back(norm[at]);
  }
  Undertrained out;
  out.reference = reference.which.empty() ? "no row is known to be unused" : reference.which;
  if (untied && !reference.rows.empty()) out.reference += ", of the unembedding";
  for (double x : indicator) out.mean += x / static_cast<double>(count);
  for (double x : indicator) out.deviation += (x - out.mean) * (x - out.mean) / static_cast<double>(count);
  out.deviation = std::sqrt(out.deviation);
  out.tokens = Table("under-trained tokens");
  out.tokens.add("rank", rank, whole).add("token", token).add("id", id, whole);
  out.tokens.add("indicator", columns[0], 8).add("distance", columns[1], 4).add("norm", columns[2], 4);
  return out;
}

}  // namespace embscope
