// What one edit does to one vector.
#pragma once

#include "embscope/forward/edit.h"
#include "forward/plan.h"

namespace embscope {

/// Applies `edit` to the values of one position: `shape.heads` groups, `stride` floats apart, of `shape.width` values
/// each. Without heads the groups are one vector; those of an attention map never are: each head has a row of its own.
void apply(const Edit& edit, const SiteShape& shape, std::int64_t stride, float* values, std::int64_t position);

}  // namespace embscope
