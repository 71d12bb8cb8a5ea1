// compare: two models, spaces or checkpoints by their tokens; two sites, or all layers, over a text.
#include "embscope/vocabulary/compare.h"

#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/runs/in_context.h"
#include "embscope/runs/layers.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  Other other;
  CompareOptions options;
};

struct SitesParameters : Parameters {
  Text text;
  std::vector<std::string> sites;
  std::int64_t positions = 2048;
};

struct LayersParameters {
  Text text;
  Other other;
  std::int64_t positions = 2048;
};

constexpr Part parts[] = {
    {"measures", Kind::table,
     "Columns measure, value, meaning: linear CKA, Procrustes, RSA, neighbours kept, own cosine before and after "
     "alignment, with the source of each"},
    {"tokens", Kind::table,
     "The tokens, those that moved most first: columns token, a, b, own_cosine, aligned_cosine, kept", "--tokens"},
    {"pairs", Kind::table, "The sampled pairs, up to 5,000: columns a, b (cosines in each)"},
    {"matched", Kind::integer, "Number of tokens with the same label in both"},
    {"only_a", Kind::integer, "Number of tokens only in the first"},
    {"only_b", Kind::integer, "Number of tokens only in the second"},
    {"zero", Kind::integer, "Number of tokens left out because a vector is zero"},
    {"figure", Kind::figure, "The measures, and the pairs' cosines against each other"},
};

constexpr Part parts_of_layers[] = {
    {"layers", Kind::table, "Columns a, b (layers: 0 is the input of block 0), cka"},
    {"figure", Kind::figure, "CKA by layer of both"},
};

void options_fields(Parameters& r, Visitor& f) {
  f(r.options.k, {.name = "k",
                  .what = "Number of neighbours whose overlap is measured; 0: none",
                  .option = "-k",
                  .least = 0,
                  .most = 1000});
  f(r.options.pairs,
    {.name = "pairs", .what = "Number of pairs for the correlation of similarities", .least = 3, .most = 100000000});
  f(r.options.seed, {.name = "seed", .what = "Seed of the sample of pairs"});
}

void other_field(Other& other, Visitor& f, std::string_view what) {
  f(other, {.name = "other", .what = what, .option = "B"});
}

void fields(Parameters& r, Visitor& f) {
  other_field(r.other, f, "Another model or file of vectors (with a text: the same model if left out)");
  options_fields(r, f);
}

void fields_of_sites(SitesParameters& r, Visitor& f) {
  texts_field(r.text, f);
  f(r.sites,
    {.name = "sites", .what = "A site of the first model and one of the second", .option = "--at", .longest = 2});
  other_field(r.other, f, "Another model (default: the same)");
  options_fields(r, f);
  f(r.positions,
    {.name = "positions", .what = "With a text: use at most this many positions", .least = 3, .most = 1000000});
  file_fields(r.text, f);
}

void fields_of_layers(LayersParameters& r, Visitor& f) {
  texts_field(r.text, f);
  other_field(r.other, f, "Another model (default: the same)");
  f(r.positions, {.name = "positions", .what = "Use at most this many positions", .least = 3, .most = 1000000});
  file_fields(r.text, f);
}

AnalysisResult answer_of(const Space& a, const Space& b, const CompareOptions& options, const Progress& progress) {
  Comparison made = compare(a, b, options, progress);
  AnalysisResult found;
  found.add("measures", std::move(made.measures))
      .add("tokens", std::move(made.tokens))
      .add("pairs", std::move(made.pairs))
      .add("matched", made.matched)
      .add("only_a", made.only_a)
      .add("only_b", made.only_b)
      .add("zero", made.zero)
      .add("figure", [a = a.name, b = b.name](const AnalysisResult& f) {
        return figure_compare(f.table("measures"), f.table("pairs"), a, b);
      });
  return found;
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const auto other = other_of(on, r.other);
  return answer_of(on.space(), other->space(), r.options, progress);
}

AnalysisResult run_sites(const Subject& on, const SitesParameters& r, const Progress& progress) {
  const auto other = other_of(on, r.other);
  const auto space = [&](const Subject& of, const std::string& site) {
    const Transformer& transformer = of.transformer();
    return text_space(transformer, rows_of(of, r.text), parse_site(site, transformer.config()), r.positions);
  };
  return answer_of(space(on, r.sites.front()), space(*other, r.sites.back()), r.options, progress);
}

AnalysisResult run_layers(const Subject& on, const LayersParameters& r, const Progress& progress) {
  const auto other = other_of(on, r.other);
  AnalysisResult found;
  found.add("layers", layer_similarity(on.transformer(), rows_of(on, r.text), other->transformer(),
                                       rows_of(*other, r.text), r.positions, progress));
  found.add("figure", [a = on.model().name(), b = other->model().name()](const AnalysisResult& f) {
    return figure_layer_similarity(f.table("layers"), a, b);
  });
  return found;
}

void check_other(const Parameters& r) {
  if (!r.other.given())
    throw Error(Code::usage, "other", "a second model or file is needed (or a text for the layers of one)");
}

void check_sites(const SitesParameters& r) {
  check(r.text);
  if (r.sites.empty()) throw Error(Code::usage, "sites", "name one, or one of each model");
}

void check_layers(const LayersParameters& r) { check(r.text); }

}  // namespace

const Analysis& compare_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "compare",
       .what = "Compare two models, layers or checkpoints: coordinates and relations",
       .group = Group::models,
       .example = "compare smollm2 vectors.txt --save compare.html",
       .needs = Needs::space,
       .subject = "A",
       .shown = 20},
      parts, fields, run, nullptr, check_other);
  return made;
}

const Analysis& compare_sites_analysis() {
  static const DescribedAnalysis<SitesParameters> made(
      {.name = "compare_sites",
       .what = "Compare the vectors of a text at two sites, of one model or of two",
       .example = "compare smollm2 --text \"The cat sat on the mat.\" --at blocks.1.resid_post blocks.9.resid_post",
       .command = "compare",
       .flag = "--at"},
      parts, fields_of_sites, run_sites, nullptr, check_sites);
  return made;
}

const Analysis& layer_similarity_analysis() {
  static const DescribedAnalysis<LayersParameters> made(
      {.name = "layer_similarity",
       .what = "Linear CKA of every layer with every layer over a text, of one model or of two",
       .example = "compare smollm2 --text \"The cat sat on the mat.\"",
       .more = "Kornblith et al. 2019. Both models must split the text into rows of the same lengths.",
       .one_table = true,
       .command = "compare",
       .flag = "--text --file"},
      parts_of_layers, fields_of_layers, run_layers, nullptr, check_layers);
  return made;
}

}  // namespace embscope::catalogue
