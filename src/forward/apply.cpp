#include "forward/apply.h"

#include <algorithm>

#include "forward/changes.h"

namespace embscope {

void apply(const Edit& edit, const SiteShape& shape, std::int64_t stride, float* values, std::int64_t position) {
  const auto size = static_cast<std::int64_t>(edit.vector.size());
  const auto apply_to = operation(edit.change).apply;
  const bool one_vector = edit.heads.empty() && !is_attention_map(edit.site.point);
  if (one_vector) { return apply_to(edit, values, {edit.vector.data(), size == 1}, shape.total(), position); }
  for (std::int64_t head = 0; head < shape.heads; ++head) {
    if (!edit.heads.empty() && std::find(edit.heads.begin(), edit.heads.end(), head) == edit.heads.end()) continue;
    const float* v = edit.vector.data() + (size > shape.width ? head * shape.width : 0);
    apply_to(edit, values + head * stride, {v, size == 1}, shape.width, position);
  }
}

}  // namespace embscope
