#include "embscope/catalogue/catalogue.h"

#include <algorithm>

namespace embscope {

#define EMBSCOPE_ANALYSES(each)                                                                                        \
  each(predict) each(entropy) each(mix) each(mix_every_block) each(edit) each(patch) each(patch_agreement) each(steer) \
      each(trace) each(trajectory) each(lens) each(attention) each(attribute) each(gradient) each(toy) each(vectors)   \
          each(cosine) each(similar) each(neighbours) each(heatmap) each(geometry) each(pairs) each(quantiles)         \
              each(dimensions) each(spectrum) each(norms) each(hubs) each(undertrained) each(layer_geometry)           \
                  each(analogies) each(analogy) each(judgements) each(categories) each(odd_one_out) each(map)          \
                      each(compare) each(compare_sites) each(layer_similarity) each(verify) each(quantisation)         \
                          each(extract) each(generate) each(chat) each(train) each(resume) each(train_seeds)           \
                              each(train_tokenizer) each(growth) each(tour) each(models) each(families)

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

std::string_view command_of(const Analysis& analysis) {
  const auto& about = analysis.about();
  return about.command.empty() ? about.name : about.command;
}

bool over_http(const Analysis& analysis) {
  if (analysis.about().local) return false;
  return std::ranges::none_of(analysis.fields(),
                              [](const Field& field) { return field.required && field.kind == Kind::file; });
}

}  // namespace embscope
