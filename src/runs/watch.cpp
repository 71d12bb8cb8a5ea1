#include "runs/watch.h"

#include <utility>

namespace embscope {

Watched watch(const Transformer& transformer, Request request, std::span<const Site> sites, std::int64_t first,
              std::int64_t last) {
  std::vector<Tensor> values(sites.size());
  Hooks hooks;
  for (std::size_t s = 0; s < sites.size(); ++s) {
    hooks.read(sites[s], [&values, s, first, last](const SiteValues& seen) {
      const SiteValues::Row& row = seen.rows[0];
      const std::int64_t width = row.shape.elements() / row.shape[0], count = last - first;
      values[s] = Tensor::of({count, width}, {row.values + first * width, static_cast<std::size_t>(count * width)});
    });
  }
  request.hooks = &hooks;
  Result result = transformer.run(request);
  return {{{sites.begin(), sites.end()}, std::move(values)}, std::move(result.rows[0].logits)};
}

Watched watch(const Transformer& transformer, std::span<const TokenId> ids, std::span<const Site> sites,
              std::int64_t first, std::int64_t last, const Progress& progress, std::span<const Edit> edits) {
  Request request;
  request.rows = {{ids.begin(), ids.end()}};
  request.edits = {edits.begin(), edits.end()};
  request.progress = progress;
  return watch(transformer, std::move(request), sites, first, last);
}

}  // namespace embscope
