#include <algorithm>
#include <cmath>
#include <iterator>

#include "embscope/runs/attribution.h"
#include "forward/request.h"
#include "forward/working_memory.h"

namespace embscope {
namespace {

struct Rows {
  std::vector<std::string> site, token;
  std::vector<double> block, head, position, value, norm;
};

void reserve(Rows& rows, std::size_t count) {
  for (auto* texts : {&rows.site, &rows.token}) texts->reserve(count);
  for (auto* numbers : {&rows.block, &rows.head, &rows.position, &rows.value, &rows.norm}) numbers->reserve(count);
}

// The vectors of a site lie [T, K], [T, H, K] or, for attention maps, [H, T, T].
void add_site(Rows& rows, const Site& site, const Tensor& x, const Tensor& g, const std::vector<std::string>& tokens) {
  const bool map = is_attention_map(site.point), heads = x.shape().rank() == 3;
  const std::int64_t positions = static_cast<std::int64_t>(tokens.size()),
                     per_position = heads ? x.rows() / positions : 1;
  reserve(rows, static_cast<std::size_t>(x.rows()));
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

void append(Rows& all, Rows one) {
  const auto add = [](auto& to, auto& from) { std::ranges::move(from, std::back_inserter(to)); };
  add(all.site, one.site), add(all.token, one.token);
  add(all.block, one.block), add(all.head, one.head), add(all.position, one.position);
  add(all.value, one.value), add(all.norm, one.norm);
}

}  // namespace

GradientAttribution attribute_by_gradient(const Transformer& transformer, GradientRequest request,
                                          const Progress& progress, bool keep) {
  std::vector<std::string> tokens;
  for (int t = 0, last = position_in(request.ids.size(), request.position, "gradient"); t <= last; ++t)
    tokens.push_back(transformer.model().label(request.ids[static_cast<std::size_t>(t)]));
  std::vector<Rows> of_site(request.sites.size());
  std::vector<Tensor> activations(of_site.size()), gradients(of_site.size());
  request.held = std::min(request.held, row_bytes_allowed(transformer.model()) / 8);
  request.seen = [&](const Site& site, const Tensor& x, const Tensor& g) {
    for (std::size_t s = 0; s < of_site.size(); ++s) {
      if (request.sites[s] != site || !of_site[s].site.empty()) continue;
      add_site(of_site[s], site, x, g, tokens);
      if (keep) activations[s] = x.clone(), gradients[s] = g.clone();
    }
  };
  GradientAttribution result{gradient(transformer, request, progress), Table("gradient x activation")};
  if (keep) result.gradient.activations = std::move(activations), result.gradient.gradients = std::move(gradients);
  Rows rows;
  std::size_t count = 0;
  for (const Rows& one : of_site) count += one.site.size();
  reserve(rows, count);
  for (Rows& one : of_site) append(rows, std::move(one));
  result.parts.add("site", std::move(rows.site))
      .add("block", std::move(rows.block), whole)
      .add("head", std::move(rows.head), whole)
      .add("position", std::move(rows.position), whole)
      .add("token", std::move(rows.token));
  result.parts.add("value", std::move(rows.value), 4).add("gradient", std::move(rows.norm), 4);
  return result;
}

}  // namespace embscope
