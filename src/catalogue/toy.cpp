#include "catalogue/describe.h"
#include "embscope/vocabulary/similarity.h"

namespace embscope::catalogue {
namespace {

struct Parameters {};

constexpr Part parts[] = {
    {"animals", Kind::table, "Columns animal, size, friendliness, moved (whether this row is the moved cat)"},
    {"figure", Kind::figure, "Where each animal stands"},
};

void fields(Parameters&, Visitor&) {}

AnalysisResult run(const Subject&, const Parameters&, const Progress&) {
  AnalysisResult found;
  found.add("animals", toy_space()).add("figure", [](const AnalysisResult& f) {
    return figure_toy(f.table("animals"));
  });
  return found;
}

}  // namespace

const Analysis& toy_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "toy",
       .what = "A space of two dimensions: animals by size and friendliness",
       .group = Group::vocabulary,
       .example = "toy --save toy.html",
       .needs = Needs::nothing,
       .quick = true,
       .one_table = true},
      parts, fields, run);
  return made;
}

}  // namespace embscope::catalogue
