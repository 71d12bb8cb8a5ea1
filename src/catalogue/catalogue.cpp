#include "embscope/catalogue/catalogue.h"

#include <algorithm>

namespace embscope {

// clang-format off
#define EMBSCOPE_ANALYSES(each) \
  each(tour) \
  each(predict) each(entropy) each(generate) each(chat) each(trace) each(trajectory) each(lens) each(attention) \
  each(attribute) each(gradient) \
  each(mix) each(mix_every_block) each(edit) each(patch) each(patch_agreement) each(steer) \
  each(similar) each(neighbours) each(vectors) each(cosine) each(odd_one_out) each(analogies) each(analogy) \
  each(judgements) each(categories) each(map) each(geometry) each(pairs) each(quantiles) each(dimensions) \
  each(spectrum) each(norms) each(hubs) each(undertrained) each(layer_geometry) each(heatmap) each(toy) \
  each(train) each(resume) each(train_seeds) each(train_tokenizer) each(growth) \
  each(models) each(families) each(compare) each(compare_sites) each(layer_similarity) each(verify) \
  each(quantisation) each(extract)
// clang-format on

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

std::string_view heading(Group group) {
  switch (group) {
    case Group::start: return "Start here";
    case Group::text: return "Look at a text";
    case Group::change: return "Change a run";
    case Group::vocabulary: return "Look at a vocabulary";
    case Group::train: return "Train";
    case Group::models: return "Models and files";
    case Group::program: return "The program";
  }
  return "";
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
