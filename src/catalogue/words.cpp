// judgements, categories, odd_one_out: whether vectors agree with people.
#include "embscope/vocabulary/words.h"

#include <fmt/format.h>

#include "catalogue/describe.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  File file;
  bool centred = false;
  std::vector<std::string> words;
};

constexpr Part judgements_parts[] = {
    {"spearman", Kind::number, "Correlation of ranks, of people and of the cosine"},
    {"pearson", Kind::number, "Correlation of values"},
    {"known", Kind::integer, "Pairs of which both words are single rows"},
    {"asked", Kind::integer, "All pairs"},
    {"unknown", Kind::names, "Words that are not single rows"},
    {"pairs", Kind::table, "The known: columns a, b, people, cosine, people_rank, cosine_rank"},
    {"figure", Kind::figure, "The cosine by what people say"},
};

constexpr Part categories_parts[] = {
    {"unknown", Kind::names, "Words that are not single rows"},
    {"categories", Kind::table,
     "A row a category and a last one for all: columns category, words, known, within, between, silhouette (1 apart, 0 "
     "mixed: Rousseeuw 1987), nearest"},
    {"words", Kind::table, "Columns word, category, silhouette, nearest", "--words"},
    {"between", Kind::table, "Mean cosine of each category with each: columns category, other, cosine"},
    {"figure", Kind::figure, "Categories by categories"},
};

constexpr Part odd_parts[] = {
    {"words", Kind::table, "Columns word, cosine (mean, with the others); the odd one first"},
};

void judgements_fields(Parameters& r, Visitor& f) {
  f(r.file, {.name = "file",
             .what = "WordSim-353, SimLex-999 or lines of two words and a score",
             .option = "FILE",
             .required = true});
}

void categories_fields(Parameters& r, Visitor& f) {
  f(r.file, {.name = "file", .what = "Categories: ': name' lines, then words (default: those that ship)"});
  f(r.centred, {.name = "centred", .what = "The mean of all vectors removed first"});
}

void odd_fields(Parameters& r, Visitor& f) {
  f(r.words, {.name = "words", .what = "At least three words", .option = "WORDS", .required = true});
}

AnalysisResult run_judgements(const Subject& on, const Parameters& r, const Progress&) {
  const auto judgements = read_judgements(r.file.path);
  JudgementFit result = judge(on.space(), judgements);
  AnalysisResult found;
  found.notes = {fmt::format("Spearman {:.4f}, Pearson {:.4f}, over {} of {} pairs (those whose words are single rows)",
                             result.spearman, result.pearson, result.known, result.asked)};
  note_unknown(result.unknown, found.notes);
  found.add("spearman", result.spearman)
      .add("pearson", result.pearson)
      .add("known", result.known)
      .add("asked", result.asked)
      .add("unknown", std::move(result.unknown))
      .add("pairs", std::move(result.pairs))
      .add("figure", [spearman = result.spearman](const AnalysisResult& f) {
        return figure_judgements(f.table("pairs"), spearman);
      });
  return found;
}

AnalysisResult run_categories(const Subject& on, const Parameters& r, const Progress&) {
  const auto categories = r.file.given() ? read_categories(r.file.path) : shipped_categories();
  Separation result = separate(on.space(), categories, r.centred);
  AnalysisResult found;
  found.notes = {"silhouette: 1 apart, 0 mixed, below 0 nearer to another category (Rousseeuw 1987)"};
  note_unknown(result.unknown, found.notes);
  found.add("unknown", std::move(result.unknown))
      .add("categories", std::move(result.categories))
      .add("words", std::move(result.words))
      .add("between", std::move(result.between))
      .add("figure", [](const AnalysisResult& f) { return figure_categories(f.table("between")); });
  return found;
}

AnalysisResult run_odd(const Subject& on, const Parameters& r, const Progress&) {
  Table table = odd_one_out(on.space(), r.words);
  AnalysisResult found;
  found.notes = {fmt::format("the odd one is {}", table.column("word").texts()[0])};
  found.add("words", std::move(table));
  return found;
}

}  // namespace

const Analysis& judgements_analysis() {
  static const DescribedAnalysis<Parameters> made({.name = "judgements",
                                                   .what = "Similarity as people judge it, beside the cosine",
                                                   .group = Group::vocabulary,
                                                   .example = "judgements wordsim353.csv --save judgements.html",
                                                   .needs = Needs::space},
                                                  judgements_parts, judgements_fields, run_judgements);
  return made;
}

const Analysis& categories_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "categories",
       .what = "Whether words of a kind stand together: fruit apart from vehicles",
       .group = Group::vocabulary,
       .example = "categories --save categories.html",
       .needs = Needs::space},
      categories_parts, categories_fields, run_categories);
  return made;
}

const Analysis& odd_one_out_analysis() {
  static const DescribedAnalysis<Parameters> made({.name = "odd_one_out",
                                                   .what = "The word that does not belong",
                                                   .group = Group::vocabulary,
                                                   .example = "odd apple pear car peach",
                                                   .needs = Needs::space,
                                                   .one_table = true,
                                                   .command = "odd"},
                                                  odd_parts, odd_fields, run_odd);
  return made;
}

}  // namespace embscope::catalogue
