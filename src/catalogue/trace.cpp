#include "embscope/runs/trace.h"

#include <fmt/format.h>

#include "catalogue/describe.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  GivenText text;
  int position = -1, top = 5;
};

constexpr Part parts[] = {
    {"position", Kind::integer, "The position, counted from the start"},
    {"own", Kind::token, "The token at the position"},
    {"predicted", Kind::token, "The most likely next token"},
    {"life", Kind::table,
     "One row per block (-1: the embedding): lengths of the four changes and their cosines with the vector before each "
     "change, length, cosines and ranks of the own and of the predicted token, top"},
    {"lens", Kind::table, "The logit lens after each block: columns block, rank, token, probability", "--lens"},
    {"figure", Kind::figure, "Lengths, cosines and ranks by block"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.text, {.name = "text", .what = "The text", .option = "TEXT", .required = true});
  f(r.position, {.name = "position", .what = "Token position; negative counts from the end"});
  f(r.top, {.name = "top", .what = "Number of tokens to list after each block", .least = 1, .most = 1000});
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const Prompt prompt = prompt_of(on, r.text);
  TraceResult result =
      trace(on.transformer(), {.ids = prompt.tokens.ids, .position = r.position, .top = r.top}, progress);
  const Model& model = on.model();
  const std::string own = model.label(result.own), predicted = model.label(result.predicted);
  AnalysisResult found;
  found.add("position", std::int64_t{result.position})
      .add("own", AnalysisResult::Token{result.own})
      .add("predicted", AnalysisResult::Token{result.predicted})
      .add("life", std::move(result.life))
      .add("lens", std::move(result.lens))
      .add("figure", [=](const AnalysisResult& f) { return figure_trace(f.table("life"), own, predicted); });
  found.notes = {fmt::format("token {} at position {}, predicts {}", own, result.position, predicted)};
  return found;
}

}  // namespace

const Analysis& trace_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "trace",
       .what = "A vector's path from its token's embedding to the prediction, block by block",
       .group = Group::text,
       .example = "trace \"The capital of Germany is\" --save trace.html"},
      parts, fields, run);
  return made;
}

}  // namespace embscope::catalogue
