#include "runs/site_vectors.h"

#include <algorithm>

#include <fmt/format.h>

namespace embscope {

std::vector<Site> layer_sites(const Config& config) {
  std::vector<Site> sites = {{Point::resid_pre, 0}};
  for (int b = 0; b < static_cast<int>(config.blocks); ++b) sites.push_back({Point::resid_post, b});
  return sites;
}

std::int64_t positions_of(std::span<const std::vector<TokenId>> rows, std::int64_t most) {
  std::int64_t count = 0;
  for (const auto& row : rows) count += static_cast<std::int64_t>(row.size());
  return std::min(count, most);
}

std::vector<Tensor> site_vectors(const Transformer& transformer, std::span<const std::vector<TokenId>> rows,
                                 const std::vector<Site>& sites, std::int64_t positions) {
  const std::int64_t wanted = positions_of(rows, positions), width = transformer.config().width;
  std::vector<Tensor> out;
  for (std::size_t s = 0; s < sites.size(); ++s) out.push_back(Tensor::uninitialised({wanted, width}));
  std::int64_t done = 0;
  for (std::size_t r = 0; r < rows.size() && done < wanted; ++r) {
    Request request;
    request.rows = {rows[r]};
    request.rows[0].resize(std::min(rows[r].size(), static_cast<std::size_t>(wanted - done)));
    request.capture = sites;
    request.logits = LogitsAt::none;
    const Result result = transformer.run(request);
    for (std::size_t s = 0; s < sites.size(); ++s) {
      const Tensor& captured = result.rows[0].captured[s];
      if (captured.shape().rank() != 2 || captured.columns() != width)
        throw Error(Code::shape, "site " + sites[s].name(),
                    fmt::format("is {}: vectors of the model's width {} are needed", captured.shape().text(), width));
      std::ranges::copy(captured.values(), out[s].row(done).data());
    }
    done += static_cast<std::int64_t>(request.rows[0].size());
  }
  return out;
}

}  // namespace embscope
