// BySite: what a run held at some sites, asked for by point and block.
#pragma once

#include <algorithm>
#include <vector>

#include "embscope/base/error.h"
#include "embscope/forward/site.h"

namespace embscope {

class BySite {
 public:
  BySite() = default;
  /// Precondition: as many of the one as of the other.
  BySite(std::vector<Site> sites, std::vector<Tensor> values) : sites_(std::move(sites)), values_(std::move(values)) {}

  const std::vector<Site>& sites() const { return sites_; }
  bool has(const Site& site) const { return std::ranges::find(sites_, site) != sites_.end(); }
  /// Throws Error{not_found} for a site that is not among them.
  const Tensor& at(const Site& site) const { return values_[index(site)]; }
  const Tensor& at(Point point, int block) const { return at({point, block}); }
  Tensor take(const Site& site) { return std::move(values_[index(site)]); }  ///< and leaves an empty one

  /// The values of one position, its axes flattened. Precondition: not scores or pattern.
  std::span<const float> at(const Site& site, std::int64_t position) const {
    const Tensor& t = at(site);
    const std::int64_t width = t.size() / t.shape()[0];
    return {t.data() + position * width, static_cast<std::size_t>(width)};
  }

 private:
  std::size_t index(const Site& site) const {
    const auto found = std::ranges::find(sites_, site);
    if (found == sites_.end()) throw Error(Code::not_found, "site " + site.name(), "the run did not keep its values");
    return static_cast<std::size_t>(found - sites_.begin());
  }

  std::vector<Site> sites_;
  std::vector<Tensor> values_;
};

}  // namespace embscope
