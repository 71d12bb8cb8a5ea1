// layer_geometry, which the command line has as `geometry --text` or `--file`.
#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/runs/layers.h"
#include "embscope/vocabulary/geometry.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  Text text;
  bool skip_first = false;
  std::int64_t positions = 2048;
};

constexpr Part parts[] = {
    {"layers", Kind::table,
     "Columns layer (0: what enters block 0; the last is after the final norm), site, vectors, mean_cosine, "
     "positive_share, centred_cosine, self_similarity, mean_norm, mean_share, effective_rank, isoscore, top_dimension, "
     "cosine_share"},
    {"figure", Kind::figure, "Cosines, lengths and rank by layer, with the sampling"},
};

void fields(Parameters& r, Visitor& f) {
  texts_field(r.text, f);
  f(r.positions,
    {.name = "positions", .what = "Vectors a layer, from the beginning of the text", .least = 2, .most = 1000000});
  f(r.skip_first, {.name = "skip_first", .what = "Without the first position of each row"});
  file_fields(r.text, f);
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const auto rows = rows_of(on, r.text);
  Table table = layer_geometry(on.transformer(), rows, {r.positions, r.skip_first}, progress);
  const std::string sampling = fmt::format("{:.0f} positions by occurrence, {} {} from the beginning of the text{}",
                                           table.column("vectors").numbers()[0], rows.size(),
                                           r.text.lines ? "lines, each run alone," : "rows as long as the context",
                                           r.skip_first ? ", without the first position of each" : "");
  AnalysisResult found;
  found.notes = {"sampling: " + sampling};
  found.add("layers", std::move(table)).add("figure", [sampling](const AnalysisResult& f) {
    return figure_layers(f.table("layers"), sampling);
  });
  return found;
}

void check_text(const Parameters& r) { check(r.text); }

}  // namespace

const Analysis& layer_geometry_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "layer_geometry",
       .what = "The shape of a text's vectors in context, layer by layer",
       .example = "geometry --text \"The cat sat on the mat.\" --skip-first",
       .more = "Ethayarajh 2019.",
       .one_table = true,
       .command = "geometry",
       .flag = "--text --file"},
      parts, fields, run, nullptr, check_text);
  return made;
}

}  // namespace embscope::catalogue
