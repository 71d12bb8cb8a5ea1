#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/runs/intervention.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  GivenText text;
  Edits edits;
  int top = 8;
  std::vector<Word> targets;
};

constexpr Part parts[] = {
    {"divergence", Kind::number, "KL(after || before) of the next token, in nats"},
    {"cost", Kind::cost, "What the runs shared and computed"},
    {"changes", Kind::table,
     "One row per token: columns token, id, probability_before, probability_after, logit_before, logit_after, change, "
     "rank_before, rank_after"},
    {"figure", Kind::figure, "Probabilities before and after"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.text, {.name = "text", .what = "The text", .option = "TEXT", .required = true});
  f(r.edits, {.name = "edits", .what = "The edits, applied in this order"});
  f(r.top, {.name = "top", .what = "Number of most likely tokens to list, before and after", .least = 1, .most = 1000});
  f(r.targets, {.name = "targets",
                .what = "Next tokens to list in addition to the most likely ones",
                .old = "follow",
                .longest = 64});
}

void check(const Parameters& r) {
  if (r.edits.given.empty()) throw Error(Code::usage, "edits", "nothing to do: name at least one edit");
}

// For titles: the edit itself if there is only one and it was given as text.
std::string title_of(const Edits& edits) {
  const auto* both = edits.given.size() == 1 ? std::get_if<EditInParts>(&edits.given[0].is) : nullptr;
  if (both != nullptr) return both->at + " " + both->action;
  const auto* text = edits.given.size() == 1 ? std::get_if<std::string>(&edits.given[0].is) : nullptr;
  if (text != nullptr && !text->starts_with('{') && !text->starts_with('[')) return *text;
  return fmt::format("{} edit{}", edits.given.size(), edits.given.size() == 1 ? "" : "s");
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const Prompt prompt = prompt_of(on, r.text);
  InterventionRequest request{prompt.tokens.ids, edits_of(on, r.edits, prompt), r.top, tokens_of(on, r.targets)};
  InterventionResult result = intervene(on.transformer(), request, progress);
  AnalysisResult found;
  found.notes = {fmt::format("KL(after || before) = {:.4f} nats", result.divergence)};
  found.add("divergence", result.divergence)
      .add("cost", result.cost)
      .add("changes", std::move(result.changes))
      .add("figure", [title = title_of(r.edits)](const AnalysisResult& f) {
        return figure_intervention(f.table("changes"), title);
      });
  return found;
}

}  // namespace

const Analysis& edit_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "edit",
       .what = "Change activations and compare the next tokens before and after",
       .group = Group::change,
       .example = "edit \"The capital of Germany is\" --at \"wte@' Germany'\" --do \"mix 0.5 ' France'\""},
      parts, fields, run, nullptr, check);
  return made;
}

}  // namespace embscope::catalogue
