#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/vocabulary/similarity.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  int pixels = 1600;
};

constexpr Part parts[] = {
    {"dimensions", Kind::table,
     "The stripes: columns dimension, mean, deviation, ratio (|mean| / deviation), the largest ratio first"},
    {"figure", Kind::figure, "Tokens across, dimensions down, each pixel the mean of its cells"},
};

void fields(Parameters& r, Visitor& f) { f(r.pixels, {.name = "pixels", .what = "Pixels across, 16 to 20000"}); }

void check(const Parameters& r) {
  if (r.pixels < 16 || r.pixels > 20000)
    throw Error(Code::usage, "pixels", fmt::format("{}: choose 16 to 20000", r.pixels));
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress&) {
  const Model& model = on.model();
  AnalysisResult found;
  found.add("dimensions", dimensions(model)).add("figure", [&model, pixels = r.pixels](const AnalysisResult& f) {
    const Config& c = model.config();
    return figure_heatmap(heatmap(model, pixels), f.table("dimensions"), c.vocab, c.width, model.name());
  });
  return found;
}

}  // namespace

const Analysis& heatmap_analysis() {
  static const DescribedAnalysis<Parameters> made({.name = "heatmap",
                                                   .what = "The entire embedding matrix as a picture, and its stripes",
                                                   .group = Group::vocabulary,
                                                   .example = "heatmap --save heatmap.html",
                                                   .needs = Needs::model,
                                                   .shown = 16},
                                                  parts, fields, run, nullptr, check);
  return made;
}

}  // namespace embscope::catalogue
