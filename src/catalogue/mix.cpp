// mix, and mix_every_block, which is a flag of mix on the command line.
#include "embscope/runs/mix.h"

#include <fmt/format.h>

#include "catalogue/describe.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  GivenText text;
  std::string replace;
  std::vector<Word> with, targets;
  int steps = 17;
  std::string site = "wte";
  Direction vector;
  Edits edits;
};

constexpr Part sweep_parts[] = {
    {"position", Kind::integer, "The position of the replaced token"},
    {"crossings", Kind::numbers, "The values of The values of p at which the first two targets are equally likely"},
    {"untouched_equals_p1", Kind::flag, "The logits at p = 1 are those of the run without a mixture, bit for bit"},
    {"replaced", Kind::name, "The token at the position"},
    {"mixed_in", Kind::name, "The tokens mixed in, or the expression"},
    {"cost", Kind::cost, "What the runs shared and computed"},
    {"sweep", Kind::table, "One row per mixture: columns p, one for each target, top, top_probability"},
    {"figure", Kind::figure, "Probabilities of the targets by p"},
};

constexpr Part block_parts[] = {
    {"replaced", Kind::name, "The token at the position"},
    {"mixed_in", Kind::name, "The tokens mixed in, or the expression"},
    {"cost", Kind::cost, "What the runs shared and computed"},
    {"cells", Kind::table, "The sweep of every block: columns block, p, one for each target, top"},
    {"crossings", Kind::table, "Columns block, p (of the first crossing, null where there is none)"},
    {"figure", Kind::figure, "Mixtures by blocks, with the p at which the answer changes in each block"},
};

void mixed_fields(Parameters& r, Visitor& f) {
  f(r.text, {.name = "text", .what = "The text", .option = "TEXT", .required = true});
  f(r.replace, {.name = "replace",
                .what = "The token in the text whose vector is mixed: a word, \" cat[2]\" (its second occurrence), "
                        "\"#ID\", or a position",
                .required = true});
  f(r.with, {.name = "with", .what = "The words to mix in; the mean of several is used", .longest = 64});
  f(r.targets, {.name = "targets", .what = "Next tokens whose probabilities are listed", .longest = 64});
  f(r.steps, {.name = "steps", .what = "Number of mixtures from p = 0 to p = 1", .least = 2, .most = 100000});
}

void sweep_fields(Parameters& r, Visitor& f) {
  mixed_fields(r, f);
  f(r.site, {.name = "site",
             .what = "The site of the mixture: any site with a vector for each position, such as blocks.3.resid_pre"});
  f(r.vector, {.name = "vector",
               .what = "Instead of `with`: a vector such as \"' king' - ' man' + ' woman'\"",
               .option = "--with-vector"});
  f(r.edits, {.name = "edits", .what = "Edits applied in every mixture"});
}

void block_fields(Parameters& r, Visitor& f) {
  mixed_fields(r, f);
  f(r.vector, {.name = "vector", .what = "Instead of `with`: a vector expression", .option = "--with-vector"});
  f(r.edits, {.name = "edits", .what = "Edits applied in every mixture"});
}

MixRequest request_of(const Subject& on, const Parameters& r) {
  const Prompt prompt = prompt_of(on, r.text);
  MixRequest request{.text = words_of(r.text), .replace = r.replace};
  request.with = texts_of(on, r.with);
  request.targets = texts_of(on, r.targets);
  request.files = on.files();
  request.vector = r.vector.expression;
  request.steps = r.steps;
  request.site = r.site;
  request.edits = edits_of(on, r.edits, prompt);
  return request;
}

double bytes(const Subject& on, const Parameters& r) {
  return 4.0 * r.steps * static_cast<double>(on.model().config().vocab);
}

std::vector<std::string> notes_of(const MixRequest& request, const MixResult& result) {
  std::vector<std::string> notes = {
      fmt::format("p = 1 equals the untouched run {}", result.untouched_equals_p1 ? "bit for bit" : "NOT")};
  const auto& columns = result.sweep.columns();
  for (const std::size_t row : {result.sweep.rows() - 1, std::size_t{0}}) {
    std::string line = fmt::format("p = {:.0f}:", columns[0].numbers()[row]);
    for (std::size_t t = 0; t < request.targets.size(); ++t)
      line += fmt::format("  {} {:.5f}", columns[t + 1].name, columns[t + 1].numbers()[row]);
    notes.push_back(line);
  }
  for (const double crossing : result.crossings)
    notes.push_back(
        fmt::format("{} and {} are equally likely at p = {:.4f}", columns[1].name, columns[2].name, crossing));
  return notes;
}

AnalysisResult run_sweep(const Subject& on, const Parameters& r, const Progress& progress) {
  const MixRequest request = request_of(on, r);
  MixResult result = mix(on.transformer(), request, progress);
  AnalysisResult found;
  found.notes = notes_of(request, result);
  found.add("position", std::int64_t{result.position})
      .add("crossings", result.crossings)
      .add("untouched_equals_p1", result.untouched_equals_p1)
      .add("replaced", std::move(result.replaced))
      .add("mixed_in", std::move(result.mixed_in))
      .add("cost", result.cost)
      .add("sweep", std::move(result.sweep))
      .add("figure", [](const AnalysisResult& f) {
        return figure_mix(f.table("sweep"), f.get<std::vector<double>>("crossings"), f.get<std::string>("replaced"),
                          f.get<std::string>("mixed_in"));
      });
  return found;
}

AnalysisResult run_blocks(const Subject& on, const Parameters& r, const Progress&) {
  const MixRequest request = request_of(on, r);
  LayeredMix result = mix_every_block(on.transformer(), request);
  AnalysisResult found;
  found.people = [crossings = result.crossings] { return std::vector<Table>{crossings}; };
  found.add("replaced", std::move(result.replaced))
      .add("mixed_in", std::move(result.mixed_in))
      .add("cost", result.cost)
      .add("cells", std::move(result.cells))
      .add("crossings", std::move(result.crossings))
      .add("figure", [](const AnalysisResult& f) {
        return figure_mix_layers(f.table("cells"), f.table("crossings"), f.get<std::string>("replaced"),
                                 f.get<std::string>("mixed_in"));
      });
  return found;
}

}  // namespace

const Analysis& mix_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "mix",
       .what = "Mix one word's vector with another's, step by step",
       .group = Group::change,
       .example = "mix \"The capital of Germany is\" --replace \" Germany\" --with \" France\" "
                  "--targets \" Berlin\" \" Paris\"",
       .more = "At the token of `replace`: p x its vector + (1 - p) x the vector that is mixed "
               "in, for p = 0 ... 1. What the mixtures share is computed once."},
      sweep_parts, sweep_fields, run_sweep, bytes);
  return made;
}

const Analysis& mix_every_block_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "mix_every_block",
       .what = "The mixture at resid_pre of each block in turn, and where the answer changes in each",
       .example = "mix \"The capital of Germany is\" --replace \" Germany\" --with \" France\" "
                  "--targets \" Berlin\" \" Paris\" --every-block",
       .command = "mix",
       .flag = "--every-block"},
      block_parts, block_fields, run_blocks, bytes);
  return made;
}

}  // namespace embscope::catalogue
