#include <cmath>

#include "embscope/runs/attribution.h"

namespace embscope {
namespace {

struct Rows {
  std::vector<std::string> site, token;
  std::vector<double> block, head, position, value, norm;
};

// The vectors of a site lie [T, K], [T, H, K] or, for attention maps, [H, T, T].
void add_site(Rows& rows, const Site& site, const Tensor& x, const Tensor& g, const std::vector<std::string>& tokens) {
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
    rows.site.emplace_back(name(site.point)), rows.token.push_back(tokens[static_cast<std::size_t>(position)]);
    rows.block.push_back(site.block < 0 ? NAN : site.block),
        rows.head.push_back(heads ? static_cast<double>(head) : NAN);
    rows.position.push_back(static_cast<double>(position)), rows.value.push_back(value),
        rows.norm.push_back(std::sqrt(square));
  }
}

}  // namespace

GradientAttribution attribute_by_gradient(const Transformer& transformer, const GradientRequest& request,
                                          const Progress& progress) {
  GradientAttribution result{gradient(transformer, request, progress), Table("gradient x activation")};
  std::vector<std::string> tokens;
  for (int t = 0; t <= result.gradient.position; ++t)
    tokens.push_back(transformer.model().label(request.ids[static_cast<std::size_t>(t)]));
  Rows rows;
  for (std::size_t s = 0; s < request.sites.size(); ++s)
    add_site(rows, request.sites[s], result.gradient.activations[s], result.gradient.gradients[s], tokens);
  result.parts.add("site", rows.site)
      .add("block", rows.block, whole)
      .add("head", rows.head, whole)
      .add("position", rows.position, whole)
      .add("token", rows.token);
  result.parts.add("value", rows.value, 4).add("gradient", rows.norm, 4);
  return result;
}

}  // namespace embscope
