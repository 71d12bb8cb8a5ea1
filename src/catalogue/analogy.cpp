// analogies: a whole set of questions with its baselines; analogy: one question, which the command line has as three
// words after the same command.
#include "embscope/vocabulary/analogy.h"

#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/runs/in_context.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  std::string a, b, c, context, site = "ln_final";
  int k = 10;
  File file;
  bool fold = true, closed = false;
};

constexpr Part all_parts[] = {
    {"candidates", Kind::integer, "How many vectors can be answers"},
    {"verdict", Kind::name, "How well king - man + woman generalises"},
    {"unknown", Kind::names, "Words that are not single rows"},
    {"relations", Kind::table,
     "A row a relation and a last one for all: columns relation, questions, known, and shares of the known that are "
     "right: "
     "add, mul (3CosAdd and 3CosMul, without the question's words), add_raw, mul_raw (with them), nearest_c, nearest_b "
     "(baselines), mrr"},
    {"questions", Kind::table, "The known: columns relation, a, b, c, answer, add, add_raw, mul, rank, right",
     "--questions"},
    {"figure", Kind::figure, "Shares by relation and method"},
};

constexpr Part one_parts[] = {
    {"answers", Kind::table,
     "Columns rank, token, id, cosine (with b - a + c), mul, question (1 for a word of the question)"},
    {"figure", Kind::figure, "Them as bars"},
};

void all_fields(Parameters& r, Visitor& f) {
  f(r.file,
    {.name = "file", .what = "Questions: Google's format, pairs, a BATS file or folder (default: those that ship)"});
  f(r.fold, {.name = "fold",
             .what = "Whether a word in another case, or without its space, is the same word",
             .option = "--exact"});
  f(r.closed, {.name = "closed", .what = "Candidates are the questions' words alone"});
  f(r.context, {.name = "context", .what = "Vectors in context instead: a text with {} in place of the word"});
  f(r.site, {.name = "site", .what = "With `context`: where the vectors are taken", .option = "--at"});
}

void one_fields(Parameters& r, Visitor& f) {
  f(r.a, {.name = "a", .what = "The first word", .option = "A"});
  f(r.b, {.name = "b", .what = "What it is to it", .option = "B"});
  f(r.c, {.name = "c", .what = "The third word", .option = "C"});
  f(r.k, {.name = "k", .what = "How many answers", .option = "-k", .least = 1});
}

void check_one(const Parameters& r) {
  if (r.a.empty() || r.b.empty() || r.c.empty())
    throw Error(Code::usage, "analogy",
                "give three words (man king woman: man is to king as woman is to what), or none for the whole set");
}

AnalysisResult run_all(const Subject& on, const Parameters& r, const Progress& progress) {
  const auto relations = r.file.given() ? read_relations(r.file.path) : shipped_relations();
  std::optional<Space> in_context;
  if (!r.context.empty())
    in_context = words_in_context(on.transformer(), words_of(relations), r.context,
                                  parse_site(r.site, on.transformer().config()), progress);
  Analogies result = analogies(in_context ? *in_context : on.space(), relations, {r.fold, r.closed}, progress);
  AnalysisResult found;
  note_unknown(result.unknown, found.notes);
  found.notes.push_back(fmt::format("{} candidates{}; a right answer may differ in {}", result.candidates,
                                    r.closed || in_context ? " (the questions' own words alone)" : "",
                                    r.fold ? "case and leading space" : "nothing"));
  found.notes.push_back(result.verdict);
  found.add("candidates", result.candidates)
      .add("verdict", result.verdict)
      .add("unknown", std::move(result.unknown))
      .add("relations", std::move(result.relations))
      .add("questions", std::move(result.questions))
      .add("figure", [verdict = result.verdict](const AnalysisResult& f) {
        return figure_analogies(f.table("relations"), verdict);
      });
  return found;
}

AnalysisResult run_one(const Subject& on, const Parameters& r, const Progress&) {
  AnalysisResult found;
  found.notes = {"question: 1 marks the question's own words, which published figures leave out"};
  found.add("answers", analogy(on.space(), {r.a, r.b, r.c, {}}, r.k)).add("figure", [](const AnalysisResult& f) {
    return figure_similar(f.table("answers"), f.table("answers").title());
  });
  return found;
}

}  // namespace

const Analysis& analogies_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "analogies",
       .what = "a is to b as c is to what: one question, or thousands with their baselines",
       .group = Group::vocabulary,
       .example = "analogy man king woman",
       .more = "3CosAdd (Mikolov, Yih & Zweig 2013) and 3CosMul (Levy & Goldberg 2014). Published figures leave the "
               "question's own words out of the answers; without that, the answer is mostly one of them (Linzen 2016; "
               "Rogers, Drozd & Li 2017).",
       .needs = Needs::space,
       .command = "analogy"},
      all_parts, all_fields, run_all);
  return made;
}

const Analysis& analogy_analysis() {
  static const DescribedAnalysis<Parameters> made({.name = "analogy",
                                                   .what = "a is to b as c is to what",
                                                   .example = "analogy man king woman",
                                                   .needs = Needs::space,
                                                   .one_table = true,
                                                   .command = "analogy",
                                                   .flag = "A"},
                                                  one_parts, one_fields, run_one, nullptr, check_one);
  return made;
}

}  // namespace embscope::catalogue
