#include "project/compared.h"

#include <fmt/format.h>

#include "base/threads.h"
#include "project/pca.h"

namespace embscope {
namespace {

Tensor without_mean(const Tensor& vectors) {
  Tensor out = vectors.clone();
  std::vector<double> mean(static_cast<std::size_t>(vectors.columns()));
  for (std::int64_t i = 0; i < vectors.rows(); ++i) {
    for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += static_cast<double>(vectors.row(i)[k]);
  }
  for (double& m : mean) m /= static_cast<double>(vectors.rows());
  for (std::int64_t i = 0; i < out.rows(); ++i) {
    for (std::size_t k = 0; k < mean.size(); ++k)
      out.row(i)[k] = static_cast<float>(static_cast<double>(out.row(i)[k]) - mean[k]);
  }
  return out;
}

void check(const Compared& compared) {
  std::int64_t zero = 0, first = -1;
  for (std::size_t i = 0; i < compared.squares.size(); ++i) {
    if (compared.squares[i] > 1e37)
      throw Error(Code::range, "neighbours", fmt::format("vector {} has a length of {:.3g}: too long for fp32", i,
                                                         std::sqrt(compared.squares[i])));
    if (compared.squares[i] == 0 && ++zero == 1) first = static_cast<std::int64_t>(i);
  }
  if (compared.metric == Metric::cosine && zero > 0)
    throw Error(Code::range, "neighbours",
                fmt::format("vector {} is zero{}: it has no direction, use the Euclidean metric", first,
                            zero > 1 ? fmt::format(" (and {} more)", zero - 1) : ""));
}

}  // namespace

Compared compared_by(const Tensor& vectors, const NeighbourOptions& options) {
  check_finite(vectors, "neighbours");
  Compared out{std::nullopt, &vectors, options.metric, std::vector<double>(static_cast<std::size_t>(vectors.rows()))};
  // A distance does not change when the mean is removed, and fp32 then cancels less.
  if (options.centred || options.metric == Metric::euclidean) {
    out.copy = without_mean(vectors);
    out.vectors = &*out.copy;
  }
  parallel_for(vectors.rows(), 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      out.squares[static_cast<std::size_t>(i)] = product_in_double(out.row(i), out.row(i), vectors.columns());
  });
  check(out);
  return out;
}

}  // namespace embscope
