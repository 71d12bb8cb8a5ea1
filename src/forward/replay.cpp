#include "forward/replay.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "forward/pass.h"
#include "forward/site_shape.h"
#include "model/block.h"

namespace embscope {
namespace {

double values_of_block(const Config& config, const std::vector<Site>& sites, int block, std::int64_t positions) {
  double values = 0;
  for (const Site& site : sites) {
    if (site.block == block) values += static_cast<double>(values_at(config, site, positions, positions));
  }
  return values;
}

double largest_block(const Config& config, const std::vector<Site>& sites, std::int64_t positions) {
  double most = 0;
  for (int l = 0; l < static_cast<int>(config.blocks); ++l)
    most = std::max(most, sizeof(float) * values_of_block(config, sites, l, positions));
  return most;
}

double residual_bytes(const Config& config, std::int64_t positions) {
  return sizeof(float) * static_cast<double>(positions * config.width);
}

int whole(double number) { return std::max(1, static_cast<int>(std::min(number, 1e6))); }

Groups groups_of(const Config& config, const std::vector<Site>& sites, std::int64_t positions, double held) {
  Groups groups{static_cast<int>(config.blocks), static_cast<int>(config.blocks)};
  for (const Site& site : sites) groups.lowest = site.block < 0 ? groups.lowest : std::min(groups.lowest, site.block);
  groups.shared = first_read_by_others(config);
  if (groups.lowest < groups.blocks) groups.lowest = std::min(groups.lowest, groups.shared);
  groups.size = std::min(whole(held / std::max(1.0, largest_block(config, sites, positions))),
                         std::max(1, groups.blocks - groups.lowest));
  groups.stride = whole(std::ceil(groups.count() * residual_bytes(config, positions) / held));
  return groups;
}

}  // namespace

int first_read_by_others(const Config& config) {
  int first = 0;
  while (first < config.blocks && !read_by_others(config, first)) ++first;
  return first;
}

Replay::Replay(const Transformer& transformer, std::vector<TokenId> text, std::vector<Site> sites, double held)
    : transformer_(transformer),
      weights_(transformer.model()),
      sites_(std::move(sites)),
      groups_(groups_of(transformer.config(), sites_, std::ssize(text), held)) {
  request_.rows = {std::move(text)};
}

Tensor Replay::run(std::vector<TokenId> tokens, const Progress& progress) {
  Request request = request_;
  request.progress = progress;
  request.tokens = std::move(tokens);
  std::ranges::copy_if(sites_, std::back_inserter(request.capture),
                       [&](const Site& site) { return site.block < 0 || belongs(site, 0); });
  const std::size_t own = request.capture.size();
  for (int g = 0; g < groups_.count(); ++g)
    if (groups_.kept(g)) request.capture.push_back({Point::resid_pre, groups_.begin(g)});
  RowResult row = std::move(transformer_.run(request).rows[0]);
  std::array<std::vector<Site>, 3> sites;
  std::array<std::vector<Tensor>, 3> values;
  for (std::size_t i = 0; i < request.capture.size(); ++i) {
    const std::size_t to = request.capture[i].block < 0 ? 0 : i < own ? 1 : 2;
    sites[to].push_back(request.capture[i]), values[to].push_back(std::move(row.captured[i]));
  }
  outside_ = {std::move(sites[0]), std::move(values[0])};
  blocks_ = {std::move(sites[1]), std::move(values[1])};
  residuals_ = {std::move(sites[2]), std::move(values[2])};
  return std::move(row.logits);
}

const Tensor& Replay::at(const Site& site) {
  if (site.block < 0) return outside_.at(site);
  if (!blocks_.has(site)) compute(groups_.of(site.block));
  return blocks_.at(site);
}

// A group also holds what its blocks read of the keys and values of others.
bool Replay::belongs(const Site& site, int group) const {
  const int begin = groups_.begin(group), end = groups_.end(group);
  if (site.block >= begin && site.block < end) return true;
  const auto& layers = transformer_.config().layers;
  return makes_keys(site.point) && std::any_of(layers.begin() + begin, layers.begin() + end,
                                               [&](const Layer& layer) { return layer.keys_of == site.block; });
}

// Only group 0 may have none kept below it: then there is no other, and it is never computed again.
void Replay::compute(int group) {
  blocks_ = {};  // before the others come
  int from = group;
  while (!groups_.kept(from)) ++from;
  Request request = request_;
  request.logits = LogitsAt::none;
  std::ranges::copy_if(sites_, std::back_inserter(request.capture),
                       [&](const Site& site) { return belongs(site, group); });
  const Plan plan(transformer_.config(), request, 0);
  const int begin = groups_.begin(from);
  RowResult row = std::move(Pass(transformer_.model(), weights_, plan, request)
                                .run_from(begin, residuals_.at(Point::resid_pre, begin))
                                .rows[0]);
  blocks_ = {std::move(request.capture), std::move(row.captured)};
}

}  // namespace embscope
