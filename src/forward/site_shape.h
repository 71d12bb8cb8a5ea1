// What a site holds of each position, as site.cpp's table says it.
#pragma once

#include "embscope/forward/site.h"

namespace embscope {

/// `heads` groups of `width` values each (one group where the site has no heads).
struct SiteShape {
  std::int64_t heads = 1, width = 0;
  bool has_heads = false;
  std::int64_t total() const { return heads * width; }
};

/// Precondition: the model has the site, which is not scores or pattern, whose width is the number of keys.
SiteShape site_shape(const Site& site, const Config& config);

/// Whether a point is one of the keys and values that a block makes, or reads from another.
bool makes_keys(Point point);

/// Why a block lacks a point that others have: "reads the keys and values of block 13: name those".
std::string why_not(const Site& site, const Config& config);

/// How many values any site holds of so many positions, which see so many keys.
std::int64_t values_at(const Config& config, const Site& site, std::int64_t positions, std::int64_t keys);

}  // namespace embscope
