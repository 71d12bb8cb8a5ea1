#include "embscope/runs/residual_stream.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "embscope/base/error.h"
#include "forward/cache_writer.h"
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

void check(const ResidualStreamRequest& r) {
  const auto count = static_cast<std::int64_t>(r.ids.size());
  if (r.first < 0 || r.last > count || r.first >= r.last)
    throw Error(Code::range, "residual stream",
                fmt::format("positions {}:{}: the text has 0:{}", r.first, r.last, count));
}

// The first position that an edit changes; edits of attention maps count keys from the text's start.
std::int64_t first_edited(const ResidualStreamRequest& r) {
  const auto count = static_cast<std::int64_t>(r.ids.size());
  std::int64_t first = count;
  for (const Edit& edit : r.edits) {
    if (edit.positions.empty() || is_attention_map(edit.site.point)) return 0;
    for (const int p : edit.positions) first = std::min(first, p < 0 ? p + count : p);
  }
  return first;
}

// The same edits, with every position counted from the start of the text.
std::vector<Edit> from_start(std::vector<Edit> edits, std::int64_t length) {
  for (Edit& edit : edits) {
    for (int& p : edit.positions) p = p < 0 ? static_cast<int>(p + length) : p;
  }
  return edits;
}

// Rows [from, to) of one, then all rows of the other.
Tensor joined(const Tensor& one, std::int64_t from, std::int64_t to, const Tensor& other) {
  const std::int64_t width = one.columns(), more = other.empty() ? 0 : other.rows();
  Tensor whole = Tensor::uninitialised({to - from + more, width});
  std::copy(one.data() + from * width, one.data() + to * width, whole.data());
  if (more > 0) std::ranges::copy(other.values(), whole.data() + (to - from) * width);
  return whole;
}

// The positions of the request from `begin` on, which `cache` continues; afterwards it holds those of the whole text.
ResidualStream run_from(const Transformer& transformer, const ResidualStreamRequest& r, std::int64_t begin,
                        Cache* cache, const Progress& progress) {
  const auto count = static_cast<std::int64_t>(r.ids.size());
  Request request;
  request.rows = {{r.ids.begin() + begin, r.ids.end()}};
  request.edits = from_start(r.edits, count);
  request.cache = cache;
  request.progress = progress;
  std::vector<Site> sites = layer_sites(transformer.config());
  sites.insert(sites.begin(), {Point::wte, -1});
  Watched watched =
      watch(transformer, std::move(request), sites, std::max(r.first, begin) - begin, std::max(r.last, begin) - begin);
  ResidualStream stream{watched.values.take({Point::wte, -1}), {}, std::move(watched.logits)};
  for (const Site& site : layer_sites(transformer.config())) stream.after.push_back(watched.values.take(site));
  return stream;
}

ResidualStream run_after(const Transformer& transformer, const ResidualStreamRequest& r, const KnownStream* known,
                         Cache* cache, const Progress& progress) {
  check(r);
  const std::int64_t shared = known == nullptr ? 0 : shared_positions(r, *known);
  Cache own = shared > 0 ? CacheWriter::beginning(transformer.config(), known->cache, shared) : Cache();
  const bool continues = own.positions() > 0;
  ResidualStream stream =
      run_from(transformer, r, continues ? shared : 0, continues || cache != nullptr ? &own : nullptr, progress);
  if (cache != nullptr) *cache = std::move(own);
  if (!continues || r.first >= shared) return stream;
  const std::int64_t from = r.first - known->first, to = std::min(r.last, shared) - known->first;
  stream.wte = joined(known->stream.wte, from, to, stream.wte);
  for (std::size_t b = 0; b < stream.after.size(); ++b)
    stream.after[b] = joined(known->stream.after[b], from, to, stream.after[b]);
  return stream;
}

}  // namespace

std::int64_t shared_positions(const ResidualStreamRequest& r, const KnownStream& known) {
  const auto count = static_cast<std::int64_t>(r.ids.size());
  if (known.cache.positions() == 0) return 0;
  const std::int64_t same = std::ranges::mismatch(r.ids, known.ids).in1 - r.ids.begin();
  const std::int64_t shared = std::min({same, first_edited(r), count - 1});  // the last gives the logits
  const bool seen = r.first >= known.first && std::min(r.last, shared) <= known.last;
  return shared <= r.first || seen ? std::max<std::int64_t>(0, shared) : 0;
}

ResidualStream residual_stream(const Transformer& transformer, const ResidualStreamRequest& r, const Progress& progress,
                               const KnownStream* known) {
  return run_after(transformer, r, known, nullptr, progress);
}

KnownStream known_stream(const Transformer& transformer, const ResidualStreamRequest& r, const Progress& progress,
                         const KnownStream* known) {
  ResidualStreamRequest plain{r.ids, {}, r.first, r.last};
  KnownStream found{r.ids, r.first, r.last, {}, {}};
  constexpr double most_bytes = 64 << 20;
  const bool kept = transformer.cache_bytes(std::ssize(r.ids)) <= most_bytes;
  found.stream = run_after(transformer, plain, known, kept ? &found.cache : nullptr, progress);
  return found;
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
