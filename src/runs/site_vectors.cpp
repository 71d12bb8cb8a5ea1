#include "runs/site_vectors.h"

#include <algorithm>

#include <fmt/format.h>

namespace embscope {

std::vector<Site> layer_sites(const Config& config) {
  std::vector<Site> sites = {{Point::resid_pre, 0}};
  for (int b = 0; b < static_cast<int>(config.blocks); ++b) sites.push_back({Point::resid_post, b});
  return sites;
}

std::int64_t count_of(std::span<const std::vector<TokenId>> rows, const TextPositions& positions) {
  std::int64_t count = 0;
  for (const auto& row : rows) count += std::max<std::int64_t>(0, std::ssize(row) - positions.skipped);
  return std::min(count, positions.most);
}

SiteVectors site_vectors(const Transformer& transformer, std::span<const std::vector<TokenId>> rows,
                         const std::vector<Site>& sites, const TextPositions& positions, const Progress& progress) {
  const std::int64_t wanted = count_of(rows, positions), width = transformer.config().width,
                     skipped = positions.skipped;
  SiteVectors out;
  for (std::size_t s = 0; s < sites.size(); ++s) out.sites.push_back(Tensor::uninitialised({wanted, width}));
  for (std::size_t r = 0; r < rows.size() && std::ssize(out.tokens) < wanted; ++r) {
    const std::int64_t done = std::ssize(out.tokens);
    report(progress, static_cast<double>(done) / static_cast<double>(wanted), "running the text");
    std::vector<TokenId> ids = rows[r];
    ids.resize(std::min(ids.size(), static_cast<std::size_t>(wanted - done + skipped)));
    if (std::ssize(ids) <= skipped) continue;
    Hooks hooks;  // which copy what is wanted of a row: captured values would be there beside it
    for (std::size_t s = 0; s < sites.size(); ++s) {
      hooks.read(sites[s], [&out, s, done, width, skipped](const SiteValues& seen) {
        const auto& [values, shape, first] = seen.rows[0];
        if (shape.rank() != 2 || shape.last() != width)
          throw Error(Code::shape, "site " + seen.site.name(),
                      fmt::format("is {}: vectors of the model's width {} are needed", shape.text(), width));
        std::copy_n(values + skipped * width, shape.elements() - skipped * width, out.sites[s].row(done).data());
      });
    }
    Request request;
    request.rows = {ids};
    request.hooks = &hooks;
    request.logits = LogitsAt::none;
    transformer.run(request);
    out.tokens.insert(out.tokens.end(), ids.begin() + skipped, ids.end());
  }
  return out;
}

}  // namespace embscope
