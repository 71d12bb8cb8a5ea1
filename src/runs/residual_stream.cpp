#include "embscope/runs/residual_stream.h"

#include <cmath>

#include <fmt/format.h>

#include "embscope/base/error.h"
#include "runs/site_vectors.h"
#include "runs/watch.h"

namespace embscope {
namespace {

double square(double x) { return x * x; }

double length(std::span<const float> x) {
  double sum = 0;
  for (float v : x) sum += square(v);
  return std::sqrt(sum);
}

// |a - b| / |b|. If edits made b a vector of zeros, |a| is used instead of |b|.
double relative_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += square(static_cast<double>(a[i]) - static_cast<double>(b[i]));
  const double against = length(b) > 0 ? length(b) : length(a);
  return sum > 0 ? std::sqrt(sum) / against : 0;
}

// [L + 1, positions] of a function of (row of `after`, position).
template <class Value>
Tensor grid(const ResidualStream& stream, Value value) {
  const std::int64_t rows = static_cast<std::int64_t>(stream.after.size()), positions = stream.after[0].rows();
  Tensor out = Tensor::uninitialised({rows, positions});
  for (std::int64_t b = 0; b < rows; ++b) {
    for (std::int64_t t = 0; t < positions; ++t)
      out.row(b)[static_cast<std::size_t>(t)] = static_cast<float>(value(b, t));
  }
  return out;
}

std::span<const float> cell(const ResidualStream& stream, std::int64_t b, std::int64_t t) {
  return stream.after[static_cast<std::size_t>(b)].row(t);
}

}  // namespace

ResidualStream residual_stream(const Transformer& transformer, const ResidualStreamRequest& r,
                               const Progress& progress) {
  const auto count = static_cast<std::int64_t>(r.ids.size());
  if (r.first < 0 || r.last > count || r.first >= r.last)
    throw Error(Code::range, "residual stream",
                fmt::format("positions {}:{}: the text has 0:{}", r.first, r.last, count));
  std::vector<Site> sites = layer_sites(transformer.config());
  sites.insert(sites.begin(), {Point::wte, -1});
  Watched watched = watch(transformer, r.ids, sites, r.first, r.last, progress, r.edits);
  ResidualStream stream{watched.values.take({Point::wte, -1}), {}, std::move(watched.logits)};
  for (const Site& site : layer_sites(transformer.config())) stream.after.push_back(watched.values.take(site));
  return stream;
}

Tensor lengths(const ResidualStream& stream) {
  return grid(stream, [&](std::int64_t b, std::int64_t t) { return length(cell(stream, b, t)); });
}

Tensor moved(const ResidualStream& stream) {
  return grid(stream, [&](std::int64_t b, std::int64_t t) {
    return b == 0 ? 0.0 : relative_distance(cell(stream, b, t), cell(stream, b - 1, t));
  });
}

Tensor felt(const ResidualStream& with, const ResidualStream& without) {
  return grid(with,
              [&](std::int64_t b, std::int64_t t) { return relative_distance(cell(with, b, t), cell(without, b, t)); });
}

}  // namespace embscope
