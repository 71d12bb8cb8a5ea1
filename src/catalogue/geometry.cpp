// The shape of a whole vocabulary: geometry, which the command line has with each of the others as `--show NAME`.
#include "embscope/vocabulary/geometry.h"

#include <cmath>

#include <fmt/format.h>

#include "catalogue/describe.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  bool pairs = true, centred = false;
  int k = 10, bins = 40;
  Rows unused;
};

constexpr Part geometry_parts[] = {
    {"measures", Kind::table, "Columns measure, value, meaning, with the source of each"},
    {"spectrum", Kind::table, "Columns component, variance, share, cumulated"},
    {"norms", Kind::table, "Columns from, to, vectors"},
    {"spectrum", Kind::figure, "Variance by principal axis"},
    {"norms", Kind::figure, "Lengths"},
};

constexpr Part pairs_parts[] = {
    {"mean", Kind::number, "Of the cosine over all pairs"},
    {"positive_share", Kind::number, "Of the pairs, 0 to 1"},
    {"pairs", Kind::number, "How many"},
    {"histogram", Kind::table, "Columns from, to, pairs"},
    {"quantiles", Kind::table, "Columns quantile, cosine; exact to a bar of the histogram"},
    {"figure", Kind::figure, "The histogram"},
};

constexpr Part quantiles_parts[] = {
    {"quantiles", Kind::table, "Columns quantile, cosine; exact to 0.001"},
    {"figure", Kind::figure, "The histogram"},
};

constexpr Part dimensions_parts[] = {
    {"dimensions", Kind::table,
     "Columns dimension, mean, deviation, ratio, cosine_share (of the mean cosine: Timkey & van Schijndel 2021), "
     "outlier "
     "(Kovaleva et al. 2021); the largest ratio first"},
    {"figure", Kind::figure, "Means by dimension, the stripes marked"},
};

constexpr Part spectrum_parts[] = {
    {"spectrum", Kind::table, "Columns component, variance, share, cumulated"},
    {"figure", Kind::figure, "Variance by principal axis"},
};

constexpr Part norms_parts[] = {
    {"norms", Kind::table, "Columns from, to, vectors"},
    {"figure", Kind::figure, "The histogram"},
};

constexpr Part hubs_parts[] = {
    {"hubs", Kind::table, "Columns rank, token, id, occurrence; the largest first"},
    {"figure", Kind::figure, "The forty largest"},
};

constexpr Part undertrained_parts[] = {
    {"reference", Kind::name, "Which rows are known to be unused"},
    {"mean", Kind::number, "Of the indicator over all rows"},
    {"deviation", Kind::number, "Of the indicator over all rows"},
    {"tokens", Kind::table, "Columns rank, token, id, indicator, distance, norm; the smallest indicator first"},
    {"figure", Kind::figure, "All tokens, the lowest named"},
};

void no_fields(Parameters&, Visitor&) {}

void geometry_fields(Parameters& r, Visitor& f) {
  f(r.pairs, {.name = "pairs", .what = "Whether all pairs are measured, which takes long", .option = "--no-pairs"});
  f(r.k,
    {.name = "k", .what = "Neighbours that make a hub; 0 leaves hubs out", .option = "-k", .least = 0, .most = 1000});
}

void centred(Parameters& r, Visitor& f) { f(r.centred, {.name = "centred", .what = "The mean vector removed"}); }

void pairs_fields(Parameters& r, Visitor& f) {
  f(r.bins, {.name = "bins", .what = "Bars of the histogram", .least = 2, .most = 100000});
  centred(r, f);
}

void norms_fields(Parameters& r, Visitor& f) {
  f(r.bins, {.name = "bins", .what = "Bars of the histogram", .least = 1, .most = 100000});
}

void hubs_fields(Parameters& r, Visitor& f) {
  f(r.k, {.name = "k", .what = "Neighbours that count", .option = "-k", .least = 1, .most = 1000});
}

void undertrained_fields(Parameters& r, Visitor& f) {
  f(r.unused,
    {.name = "unused",
     .what = "Rows known to be unused, such as 0:17 (default: bytes that UTF-8 never has, and rows beyond the "
             "tokenizer's)"});
}

AnalysisResult run_geometry(const Subject& on, const Parameters& r, const Progress& progress) {
  const Space& space = on.space();
  AnalysisResult found;
  found.add("measures", geometry(space, {.pairs = r.pairs, .k = r.k}, progress))
      .add("spectrum", spectrum(space))
      .add("norms", norms(space))
      .add("spectrum", [](const AnalysisResult& f) { return figure_spectrum(f.table("spectrum")); })
      .add("norms", [](const AnalysisResult& f) { return figure_norms(f.table("norms")); });
  return found;
}

AnalysisResult run_pairs(const Subject& on, const Parameters& r, const Progress& progress) {
  PairCosines pairs = pair_cosines(on.space().vectors, r.centred, r.bins, progress);
  AnalysisResult found;
  found.notes = {fmt::format("{:.0f} pairs, mean cosine {:.4f}, {:.3f} % positive{}", pairs.pairs, pairs.mean,
                             100 * pairs.positive_share, r.centred ? ", the mean vector removed" : "")};
  Table quantiles = pair_quantiles(pairs);
  found.add("mean", pairs.mean)
      .add("positive_share", pairs.positive_share)
      .add("pairs", pairs.pairs)
      .add("histogram", std::move(pairs.histogram))
      .add("quantiles", std::move(quantiles))
      .add("figure", [mean = pairs.mean, share = pairs.positive_share](const AnalysisResult& f) {
        return figure_pairs(f.table("histogram"), mean, share);
      });
  return found;
}

AnalysisResult run_quantiles(const Subject& on, const Parameters& r, const Progress& progress) {
  constexpr int bins = 2000;
  auto pairs = std::make_shared<const PairCosines>(pair_cosines(on.space().vectors, r.centred, bins, progress));
  AnalysisResult found;
  found.add("quantiles", pair_quantiles(*pairs)).add("figure", [pairs](const AnalysisResult&) {
    return figure_pairs(pairs->histogram, pairs->mean, pairs->positive_share);
  });
  return found;
}

/// Of one table and its figure.
template <Figure (*draw)(const Table&)>
AnalysisResult one(std::string_view name, Table table) {
  AnalysisResult found;
  found.add(name, std::move(table)).add("figure", [name](const AnalysisResult& f) { return draw(f.table(name)); });
  return found;
}

AnalysisResult run_dimensions(const Subject& on, const Parameters&, const Progress&) {
  return one<figure_dimensions>("dimensions", dimensions(on.space()));
}

AnalysisResult run_spectrum(const Subject& on, const Parameters&, const Progress&) {
  return one<figure_spectrum>("spectrum", spectrum(on.space()));
}

AnalysisResult run_norms(const Subject& on, const Parameters& r, const Progress&) {
  return one<figure_norms>("norms", norms(on.space(), r.bins));
}

AnalysisResult run_hubs(const Subject& on, const Parameters& r, const Progress& progress) {
  return one<figure_hubs>("hubs", hubs(on.space(), r.k, progress));
}

AnalysisResult run_undertrained(const Subject& on, const Parameters& r, const Progress&) {
  const Space& space = on.space();
  std::vector<std::int64_t> unused;
  if (r.unused.given()) unused = rows_of(r.unused, space.size(), "unused", space.name);
  Undertrained result = undertrained(space, unused);
  AnalysisResult found;
  found.notes = {fmt::format("unused rows: {}", result.reference)};
  if (std::isfinite(result.mean))
    found.notes.push_back(
        fmt::format("indicator over all rows: mean {:.3f}, deviation {:.3f}", result.mean, result.deviation));
  found.add("reference", result.reference)
      .add("mean", result.mean)
      .add("deviation", result.deviation)
      .add("tokens", std::move(result.tokens))
      .add("figure", [reference = result.reference](const AnalysisResult& f) {
        return figure_undertrained(f.table("tokens"), reference);
      });
  return found;
}

}  // namespace

const Analysis& geometry_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "geometry",
       .what = "The shape of a whole vocabulary, or of a text's vectors",
       .group = Group::vocabulary,
       .example = "geometry --show pairs --save pairs.html",
       .more =
           "Lengths, the shared mean, cosines of all pairs as they are and about the mean, effective dimensions, hubs.",
       .needs = Needs::space},
      geometry_parts, geometry_fields, run_geometry);
  return made;
}

const Analysis& pairs_analysis() {
  static const DescribedAnalysis<Parameters> made({.name = "pairs",
                                                   .what = "The cosine of all pairs of vectors, none stored",
                                                   .example = "geometry --show pairs --save pairs.html",
                                                   .needs = Needs::space,
                                                   .command = "geometry",
                                                   .flag = "--show=pairs"},
                                                  pairs_parts, pairs_fields, run_pairs);
  return made;
}

const Analysis& quantiles_analysis() {
  static const DescribedAnalysis<Parameters> made({.name = "quantiles",
                                                   .what = "How the cosines of all pairs of vectors are distributed",
                                                   .example = "geometry --show quantiles",
                                                   .needs = Needs::space,
                                                   .one_table = true,
                                                   .command = "geometry",
                                                   .flag = "--show=quantiles"},
                                                  quantiles_parts, centred, run_quantiles);
  return made;
}

const Analysis& dimensions_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "dimensions",
       .what = "Mean and deviation of every dimension over all vectors: the stripes of a heatmap",
       .example = "geometry --show dimensions -n 3",
       .needs = Needs::space,
       .one_table = true,
       .shown = 20,
       .command = "geometry",
       .flag = "--show=dimensions"},
      dimensions_parts, no_fields, run_dimensions);
  return made;
}

const Analysis& spectrum_analysis() {
  static const DescribedAnalysis<Parameters> made({.name = "spectrum",
                                                   .what = "The variance along each principal axis of all vectors",
                                                   .example = "geometry --show spectrum --save spectrum.html",
                                                   .needs = Needs::space,
                                                   .one_table = true,
                                                   .shown = 20,
                                                   .command = "geometry",
                                                   .flag = "--show=spectrum"},
                                                  spectrum_parts, no_fields, run_spectrum);
  return made;
}

const Analysis& norms_analysis() {
  static const DescribedAnalysis<Parameters> made({.name = "norms",
                                                   .what = "The lengths of all vectors, as a histogram",
                                                   .example = "geometry --show norms --save norms.html",
                                                   .needs = Needs::space,
                                                   .one_table = true,
                                                   .command = "geometry",
                                                   .flag = "--show=norms"},
                                                  norms_parts, norms_fields, run_norms);
  return made;
}

const Analysis& hubs_analysis() {
  static const DescribedAnalysis<Parameters> made({.name = "hubs",
                                                   .what = "How often each vector is among the nearest of others",
                                                   .example = "geometry --show hubs -k 10",
                                                   .more = "Radovanovic et al. 2010.",
                                                   .needs = Needs::space,
                                                   .one_table = true,
                                                   .shown = 20,
                                                   .command = "geometry",
                                                   .flag = "--show=hubs"},
                                                  hubs_parts, hubs_fields, run_hubs);
  return made;
}

const Analysis& undertrained_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "undertrained",
       .what = "Tokens that hardly occurred in training",
       .example = "geometry --show undertrained --unused 0:17",
       .more = "`indicator` is one minus the cosine with the mean of rows known to be unused (Land & Bartolo 2024), "
               "`distance` that to the mean of all rows (Rumbelow & Watkins 2023).",
       .needs = Needs::space,
       .shown = 20,
       .command = "geometry",
       .flag = "--show=undertrained"},
      undertrained_parts, undertrained_fields, run_undertrained);
  return made;
}

}  // namespace embscope::catalogue
