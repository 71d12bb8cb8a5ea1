#include "embscope/runs/verify.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace embscope {
namespace {

struct Pair {
  Site site;
  const View* reference;
};

std::optional<Site> site_named(const std::string& name, const Config& config) {
  try {
    return parse_site(name, config);
  } catch (const Error&) { return std::nullopt; }
}

std::int64_t depth(const Site& site, const Config& config) {
  const std::int64_t block = in_block(site.point) ? site.block : site.point < Point::resid_pre ? -1 : config.blocks;
  return (block + 1) * point_count + static_cast<int>(site.point);
}

std::vector<TokenId> ids_of(const Archive& reference, std::span<const TokenId> given) {
  if (!given.empty()) return {given.begin(), given.end()};
  if (reference.find("ids") == nullptr)
    throw Error(Code::usage, reference.path().string(), "holds no array 'ids': say which token ids it was made from");
  const Tensor numbers = decode(reference.at("ids"));
  std::vector<TokenId> ids;
  for (float id : numbers.values()) ids.push_back(static_cast<TokenId>(id));
  return ids;
}

// Shapes may differ by leading axes of length 1 and by how heads are written: [T, H, K] or [T, H*K].
bool fits(const Shape& shape, const View& reference, bool map) {
  std::vector<std::int64_t> there(reference.shape.begin(), reference.shape.end());
  while (there.size() > 1 && there.front() == 1 && there.size() > static_cast<std::size_t>(map ? 3 : 2))
    there.erase(there.begin());
  if (Shape(there) == shape) return true;
  return !map && there.size() == 2 && there[0] == shape[0] && there[1] == shape.elements() / shape[0];
}

struct Difference {
  double largest = 0, size = 0;
  std::int64_t at = 0;
};

Difference compare(const Tensor& found, const Tensor& reference, bool map) {
  Difference d;
  const std::int64_t keys = found.columns();
  for (std::int64_t i = 0; i < found.size(); ++i) {
    if (map && i % keys > i / keys % keys) continue;
    const auto a = static_cast<double>(found.data()[i]), b = static_cast<double>(reference.data()[i]);
    d.size = std::max(d.size, std::abs(b));
    if (const double apart = std::abs(a - b); !(apart <= d.largest)) d.largest = apart, d.at = i;
  }
  return d;
}

}  // namespace

VerifyResult verify(const Transformer& transformer, const Archive& reference, std::span<const TokenId> ids) {
  VerifyResult result;
  std::vector<Pair> pairs;
  for (const Archive::Entry& entry : reference.tensors()) {
    const auto site = site_named(entry.name, transformer.config());
    if (site)
      pairs.push_back({*site, &entry.view});
    else if (entry.name != "ids")
      result.passed_over.push_back(entry.name);
  }
  if (pairs.empty())
    throw Error(Code::usage, reference.path().string(), "holds no array named like a site of this model");
  std::ranges::stable_sort(pairs, {}, [&](const Pair& p) { return depth(p.site, transformer.config()); });
  Request request;
  request.rows = {ids_of(reference, ids)};
  for (const Pair& p : pairs) request.capture.push_back(p.site);
  request.logits = LogitsAt::none;
  const Result run = transformer.run(request);
  std::vector<std::string> names, shapes;
  std::vector<double> difference, size, ratio, at;
  for (std::size_t s = 0; s < pairs.size(); ++s) {
    const Tensor& found = run.rows[0].captured[s];
    const bool map = is_attention_map(pairs[s].site.point);
    if (!fits(found.shape(), *pairs[s].reference, map))
      throw Error(Code::shape, pairs[s].site.name(),
                  fmt::format("is {} for these {} tokens, the reference has {}", found.shape().text(),
                              request.rows[0].size(), pairs[s].reference->shape.text()));
    const Difference d = compare(found, decode(*pairs[s].reference), map);
    names.push_back(pairs[s].site.name()), shapes.push_back(found.shape().text());
    difference.push_back(d.largest), size.push_back(d.size), at.push_back(static_cast<double>(d.at));
    ratio.push_back(d.size > 0 ? d.largest / d.size : d.largest);
    result.worst = std::max(result.worst, std::isnan(ratio.back()) ? INFINITY : ratio.back());
  }
  result.sites = Table(fmt::format("{} against {}", transformer.model().name(), reference.path().filename().string()));
  result.sites.add("site", names).add("shape", shapes).add("difference", difference, 9).add("size", size, 4);
  result.sites.add("ratio", ratio, 9).add("at", at, whole);
  return result;
}

}  // namespace embscope
