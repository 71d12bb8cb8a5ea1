#include "embscope/runs/predict.h"

#include <fmt/format.h>

#include "catalogue/describe.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  GivenText text;
  int k = 10;
  Edits edits;
  std::vector<Word> targets;
};

constexpr Part parts[] = {
    {"ids", Kind::integers, "The text's tokens"},
    {"labels", Kind::names, "Their labels"},
    {"targets", Kind::odds, "For each token of `targets`: its probability, and its rank among all tokens"},
    {"next", Kind::table, "The most likely next tokens: columns rank, token, id, logit, probability"},
    {"figure", Kind::figure, "Their probabilities"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.text, {.name = "text", .what = "The text", .option = "TEXT", .required = true});
  f(r.k, {.name = "k", .what = "Number of next tokens to list", .option = "-k", .least = 1});
  f(r.edits, {.name = "edits", .what = "Edits of the run, applied in order"});
  f(r.targets, {.name = "targets", .what = "Further next tokens whose probabilities are listed", .longest = 64});
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const Prompt prompt = prompt_of(on, r.text);
  PredictRequest request{.ids = prompt.tokens.ids, .k = r.k, .edits = edits_of(on, r.edits, prompt)};
  request.targets = tokens_of(on, r.targets);
  Prediction result = predict(on.transformer(), request, progress);
  std::vector<std::string> labels;
  for (const TokenId id : prompt.tokens.ids) labels.push_back(on.model().label(id));
  AnalysisResult found;
  for (const TokenProbability& one : result.targets)
    found.notes.push_back(
        fmt::format("{}: probability {:.5f}, rank {}", on.model().label(one.id), one.probability, one.rank));
  found.add("ids", prompt.tokens.ids)
      .add("labels", std::move(labels))
      .add("targets", std::move(result.targets))
      .add("next", std::move(result.next))
      .add("figure", [text = prompt.text](const AnalysisResult& f) { return figure_predict(f.table("next"), text); });
  return found;
}

}  // namespace

const Analysis& predict_analysis() {
  static const DescribedAnalysis<Parameters> made({.name = "predict",
                                                   .what = "The next tokens after a text",
                                                   .group = Group::text,
                                                   .example = "predict \"The capital of Germany is\"",
                                                   .one_table = true},
                                                  parts, fields, run);
  return made;
}

}  // namespace embscope::catalogue
