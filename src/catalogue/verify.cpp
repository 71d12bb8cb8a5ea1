// verify: every site against what other software computed, or every weight against those of a reference.
#include "embscope/runs/verify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalogue/describe.h"
#include "embscope/figure/quantisation.h"
#include "embscope/runs/quantisation.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  File against;
  std::vector<int> ids;
  double tolerance = 1e-3;
};

struct TypesParameters {
  Other reference;
  int worst = 5;
};

constexpr Part parts[] = {
    {"sites", Kind::table,
     "Columns site, shape, difference (the largest), size (the largest of the reference), ratio of the two, at"},
    {"passed_over", Kind::names, "Arrays whose names are not sites of this model"},
    {"worst", Kind::number, "The largest ratio"},
    {"passed", Kind::flag, "Whether it is within the tolerance"},
};

constexpr Part parts_of_types[] = {
    {"tensors", Kind::table,
     "Columns tensor, shape, type, reference (its type), error (the length of the difference over that of the "
     "reference), largest, worst_row, row_error"},
    {"rows", Kind::table, "The rows that are farthest off: columns tensor, row, error, type"},
    {"differences", Kind::table, "How the differences of single weights lie: columns type, from, to, share"},
    {"worst", Kind::number, "The largest error of a tensor"},
    {"figure", Kind::figure, "Errors by tensor, and the differences by type"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.against, {.name = "against",
                .what = "A file of arrays named like sites, and ids, as written by scripts/activations.py",
                .required = true});
  f(r.ids, {.name = "ids", .what = "The token ids, separated by commas, if the file has none"});
  f(r.tolerance, {.name = "tolerance", .what = "The largest difference allowed, as a share of a site's largest value"});
}

void fields_of_types(TypesParameters& r, Visitor& f) {
  f(r.reference, {.name = "reference",
                  .what = "A model that this one was quantised from: how far each matrix is from it",
                  .option = "--types",
                  .required = true});
  f(r.worst, {.name = "worst",
              .what = "With a reference, how many of the rows that are farthest off are listed",
              .least = 1,
              .most = 1'000'000});
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress&) {
  const auto reference = Archive::open(r.against.path);
  VerifyResult made = verify(on.transformer(), *reference, r.ids);
  const bool passed = made.worst <= r.tolerance;
  AnalysisResult found;
  found.notes = {fmt::format("the largest difference is {:.2g} of a site's largest value", made.worst)};
  if (!made.passed_over.empty())
    found.notes.push_back(fmt::format("no sites of this model: {}", fmt::join(made.passed_over, ", ")));
  if (!passed)
    found.failure =
        Error(Code::range, r.against.path,
              fmt::format("differs by {:.2g} of a site's largest value, {:.2g} is allowed", made.worst, r.tolerance));
  found.add("sites", std::move(made.sites))
      .add("passed_over", std::move(made.passed_over))
      .add("worst", made.worst)
      .add("passed", passed);
  return found;
}

AnalysisResult run_types(const Subject& on, const TypesParameters& r, const Progress& progress) {
  const auto reference = other_of(on, r.reference);
  QuantisationError made = quantisation_error(on.model(), reference->model(), r.worst, progress);
  AnalysisResult found;
  found.notes = {fmt::format("the farthest tensor differs by {:.3g} of its length", made.worst)};
  found.people = [tables = std::vector{made.tensors, made.rows, made.differences}] { return tables; };
  found.add("tensors", std::move(made.tensors))
      .add("rows", std::move(made.rows))
      .add("differences", std::move(made.differences))
      .add("worst", made.worst)
      .add("figure", [](const AnalysisResult& f) {
        const Table& tensors = f.table("tensors");
        return figure_quantisation(tensors, f.table("differences"), tensors.title());
      });
  return found;
}

}  // namespace

const Analysis& verify_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "verify",
       .what = "Compare every site with what other software computed, or every weight to a reference's",
       .group = Group::models,
       .example = "verify -m gpt2 --against activations.safetensors"},
      parts, fields, run);
  return made;
}

const Analysis& quantisation_analysis() {
  static const DescribedAnalysis<TypesParameters> made(
      {.name = "quantisation",
       .what = "How far the weights of a model are from those of the model that it was quantised from",
       .example = "verify -m smollm2:Q4_K_M --types smollm2",
       .needs = Needs::model,
       .command = "verify",
       .flag = "--types"},
      parts_of_types, fields_of_types, run_types);
  return made;
}

}  // namespace embscope::catalogue
