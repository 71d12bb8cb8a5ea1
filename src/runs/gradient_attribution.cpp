#include <algorithm>
#include <cmath>

#include "embscope/runs/attribution.h"
#include "forward/request.h"
#include "forward/site_shape.h"
#include "forward/working_memory.h"

namespace embscope {
namespace {

struct Rows {
  std::vector<std::string> site, token;
  std::vector<double> block, head, position, value, norm;
};

void resize(Rows& rows, std::size_t count) {
  for (auto* texts : {&rows.site, &rows.token}) texts->resize(count);
  for (auto* numbers : {&rows.block, &rows.head, &rows.position, &rows.value, &rows.norm}) numbers->resize(count);
}

// How many rows a site has: one for each position, or for each position and head.
std::size_t count_of(const Config& config, const Site& site, std::size_t positions) {
  const bool map = is_attention_map(site.point);
  return positions * static_cast<std::size_t>(map ? config.heads : site_shape(site, config).heads);
}

// The vectors of a site lie [T, K], [T, H, K] or, for attention maps, [H, T, T].
void put_site(Rows& rows, std::size_t first, const Site& site, const Tensor& x, const Tensor& g,
              const std::vector<std::string>& tokens) {
  const bool map = is_attention_map(site.point), heads = x.shape().rank() == 3;
  const std::int64_t positions = static_cast<std::int64_t>(tokens.size()),
                     per_position = heads ? x.rows() / positions : 1;
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    const std::int64_t position = map ? r % positions : r / per_position, head = map ? r / positions : r % per_position;
    double value = 0, square = 0;
    for (std::size_t k = 0; k < x.row(r).size(); ++k) {
      const double d = static_cast<double>(g.row(r)[k]);
      if (d != 0) value += d * static_cast<double>(x.row(r)[k]);  // scores are -infinity where a query may not see
      square += d * d;
    }
    const std::size_t at = first + static_cast<std::size_t>(r);
    rows.site[at] = name(site.point), rows.token[at] = tokens[static_cast<std::size_t>(position)];
    rows.block[at] = site.block < 0 ? NAN : site.block, rows.head[at] = heads ? static_cast<double>(head) : NAN;
    rows.position[at] = static_cast<double>(position), rows.value[at] = value, rows.norm[at] = std::sqrt(square);
  }
}

}  // namespace

GradientAttribution attribute_by_gradient(const Transformer& transformer, GradientRequest request,
                                          const Progress& progress, bool keep) {
  std::vector<std::string> tokens;
  for (int t = 0, last = position_in(request.ids.size(), request.position, "gradient"); t <= last; ++t)
    tokens.push_back(transformer.model().label(request.ids[static_cast<std::size_t>(t)]));
  Rows rows;  // in the order of the sites, whatever the order in which they come
  std::vector<std::size_t> first;
  std::size_t count = 0;
  for (const Site& site : request.sites)
    first.push_back(count), count += count_of(transformer.config(), site, tokens.size());
  resize(rows, count);
  std::vector<Tensor> activations(first.size()), gradients(first.size());
  request.held = std::min(request.held, row_bytes_allowed(transformer.model()) / 8);
  request.seen = [&](const Site& site, const Tensor& x, const Tensor& g) {
    for (std::size_t s = 0; s < first.size(); ++s) {
      if (request.sites[s] != site) continue;
      put_site(rows, first[s], site, x, g, tokens);
      if (keep) activations[s] = x.clone(), gradients[s] = g.clone();
    }
  };
  GradientAttribution result{gradient(transformer, request, progress), Table("gradient x activation")};
  if (keep) result.gradient.activations = std::move(activations), result.gradient.gradients = std::move(gradients);
  result.parts.add("site", std::move(rows.site))
      .add("block", std::move(rows.block), whole)
      .add("head", std::move(rows.head), whole)
      .add("position", std::move(rows.position), whole)
      .add("token", std::move(rows.token));
  result.parts.add("value", std::move(rows.value), 4).add("gradient", std::move(rows.norm), 4);
  return result;
}

}  // namespace embscope
