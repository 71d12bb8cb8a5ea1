#include "embscope/catalogue/catalogue.h"

#include <algorithm>

namespace embscope {

#define EMBSCOPE_ANALYSES(each)                                                                                        \
  each(predict) each(entropy) each(mix) each(mix_every_block) each(edit) each(patch) each(patch_agreement) each(steer) \
      each(trace) each(trajectory) each(lens) each(attention) each(attribute) each(gradient)

namespace catalogue {
#define EMBSCOPE_DECLARED(name) const Analysis& name##_analysis();
EMBSCOPE_ANALYSES(EMBSCOPE_DECLARED)
#undef EMBSCOPE_DECLARED
}  // namespace catalogue

std::span<const Analysis* const> analyses() {
#define EMBSCOPE_LISTED(name) &catalogue::name##_analysis(),
  static const Analysis* const all[] = {EMBSCOPE_ANALYSES(EMBSCOPE_LISTED)};
#undef EMBSCOPE_LISTED
  return all;
}

const Analysis* analysis_named(std::string_view name) {
  const auto all = analyses();
  const auto found = std::ranges::find(all, name, [](const Analysis* one) { return one->about().name; });
  return found == all.end() ? nullptr : *found;
}

}  // namespace embscope
