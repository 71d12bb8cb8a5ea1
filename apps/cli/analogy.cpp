// analogy: a is to b as c is to what; one question, or a whole set with its baselines.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"
#include "embscope/runs/in_context.h"
#include "embscope/vocabulary/analogy.h"

namespace embscope::cli {
namespace {

struct Options {
  std::vector<std::string> words;
  std::string file, context, site = "ln_final";
  int k = 10;
  bool exact = false, closed = false, questions = false;
};

void ask_one(const Common& common, const Options& o) {
  if (o.words.size() != 3)
    throw Error(
        Code::usage, "analogy",
        fmt::format(
            "{} words: give three (man king woman: man is to king as woman is to what), or none to run the whole set",
            o.words.size()));
  const Table table = analogy(common.space(), {o.words[0], o.words[1], o.words[2], {}}, o.k);
  print(common, table, {"question: 1 marks the question's own words, which published figures leave out"});
  save_figure(common, [&] { return figure_similar(table, table.title()); });
}

Space space_for(const Common& common, const Options& o, std::span<const Relation> relations) {
  if (o.context.empty()) return common.space();
  const auto model = common.open();
  const Transformer transformer(model);
  return words_in_context(transformer, words_of(relations), o.context, parse_site(o.site, model->config()),
                          progress_line());
}

void ask_all(const Common& common, const Options& o) {
  const auto relations = o.file.empty() ? shipped_relations() : read_relations(o.file);
  const Space space = space_for(common, o, relations);
  const Analogies found = analogies(space, relations, {!o.exact, o.closed}, progress_line());
  std::vector<std::string> notes = {
      fmt::format("{} candidates{}; a right answer may differ in {}", found.candidates,
                  o.closed || !o.context.empty() ? " (the questions' own words alone)" : "",
                  o.exact ? "nothing" : "case and leading space"),
      found.verdict};
  if (!found.unknown.empty()) {
    const std::size_t shown = std::min<std::size_t>(12, found.unknown.size());
    notes.insert(notes.begin(), fmt::format("{} words are not single rows: {}{}", found.unknown.size(),
                                            fmt::join(found.unknown.begin(),
                                                      found.unknown.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                                            shown < found.unknown.size() ? ", ..." : ""));
  }
  print(common, o.questions ? found.questions : found.relations, notes);
  save_figure(common, [&] { return figure_analogies(found.relations, found.verdict); });
}

}  // namespace

void add_analogy(CLI::App& app) {
  const auto [command, common] =
      add_command(app, "analogy", "a is to b as c is to what: one question, or thousands with their baselines",
                  "analogy man king woman");
  auto o = std::make_shared<Options>();
  command->add_option("WORDS", o->words, "Three words A B C (default: the whole set of questions)");
  command->add_option(
      "--file", o->file,
      "A file of questions: Google's format, pairs, or a BATS file or folder (default: the built-in set)");
  command->add_option("--context", o->context, "Use vectors in context: a text with {} in place of the word");
  command->add_option("--at", o->site, "With --context: the site of the vectors");
  command->add_option("-k", o->k, "For one question: number of answers to list");
  command->add_flag("--exact", o->exact, "Count an answer that differs in case or leading space as wrong");
  command->add_flag("--closed", o->closed, "Use only the questions' words as candidates");
  command->add_flag("--questions", o->questions, "Print every question with its answers");
  command->callback([common, o] { o->words.empty() ? ask_all(*common, *o) : ask_one(*common, *o); });
}

}  // namespace embscope::cli
