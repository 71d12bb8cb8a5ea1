// compare: two models, spaces or checkpoints by their tokens; two layers, or all layers, over a text.
#include <fmt/format.h>

#include "command.h"
#include "embscope/base/threads.h"
#include "embscope/runs/in_context.h"
#include "embscope/runs/layers.h"
#include "embscope/vocabulary/compare.h"

namespace embscope::cli {
namespace {

struct Options {
  std::string a, b, text, file;
  std::vector<std::string> sites;
  CompareOptions compare;
  std::int64_t positions = 2048;
  int most = 20;
  bool tokens = false;
};

struct Run {
  Run(const std::string& name, const Options& o, bool no_bos) : transformer(Model::open(name, !no_bos)) {
    const auto ids = transformer.model().tokenizer().with_bos(o.file.empty() ? o.text : read_text(o.file)).ids;
    const auto longest = static_cast<std::size_t>(transformer.config().context);
    for (std::size_t at = 0; at < ids.size(); at += longest)
      rows.emplace_back(ids.begin() + static_cast<std::ptrdiff_t>(at),
                        ids.begin() + static_cast<std::ptrdiff_t>(std::min(at + longest, ids.size())));
  }
  Transformer transformer;
  std::vector<std::vector<TokenId>> rows;
};

void show(const Common& common, const Options& o, const Space& a, const Space& b) {
  const Comparison found = compare(a, b, o.compare, progress_line());
  const bool all = common.json || common.csv;
  if (o.tokens)
    print(common, all ? found.tokens : head(found.tokens, static_cast<std::size_t>(o.most)));
  else
    print(common, found.measures);
  save_figure(common, [&] { return figure_compare(found.measures, found.pairs, a.name, b.name); });
}

void over_text(const Common& common, const Options& o) {
  const Run a(o.a, o, common.no_bos), b(o.b.empty() ? o.a : o.b, o, common.no_bos);
  if (o.sites.empty()) {
    const Table table = layer_similarity(a.transformer, a.rows, b.transformer, b.rows, o.positions, progress_line());
    print(common, table);
    save_figure(common, [&] {
      return figure_layer_similarity(table, a.transformer.model().name(), b.transformer.model().name());
    });
    return;
  }
  const auto site = [&](const Run& run, const std::string& name) {
    return text_space(run.transformer, run.rows, parse_site(name, run.transformer.config()), o.positions);
  };
  show(common, o, site(a, o.sites.front()), site(b, o.sites.back()));
}

}  // namespace

void add_compare(CLI::App& app) {
  const auto [command, common] =
      add_command(app, "compare", "Compare two models, layers or checkpoints: coordinates and relations",
                  "compare smollm2 vectors.txt --save compare.html");
  takes_text({command, common});
  auto o = std::make_shared<Options>();
  command->add_option("A", o->a, "A model, or a file of vectors")->required();
  command->add_option("B", o->b, "Another model or file of vectors (with --text: A if left out)");
  command->add_option("--text", o->text,
                      "Compare vectors in context over this text: all layers, or the two sites of --at");
  command->add_option("--file", o->file, "The same as --text, with the text of a file");
  command->add_option("--at", o->sites, "With a text: a site of A and one of B")->expected(1, 2);
  command->add_option("-k", o->compare.k, "Number of neighbours whose overlap is measured (0: none)")
      ->check(CLI::Range(0, 1000));
  command->add_option("--pairs", o->compare.pairs, "Number of pairs for the correlation of similarities")
      ->check(CLI::Range(3, 100000000));
  command->add_option("--seed", o->compare.seed, "Seed of the sample of pairs");
  command->add_option("--positions", o->positions, "With a text: use at most this many positions")
      ->check(CLI::Range(3, 1000000));
  command->add_flag("--tokens", o->tokens, "List the tokens, those that moved most first");
  command->add_option("-n", o->most, "With --tokens: number of rows to print (--csv and --json print all)")
      ->check(CLI::Range(1, 10000000));
  command->callback([common, o] {
    if (common->threads != 0) set_threads(common->threads);
    if (!o->text.empty() || !o->file.empty()) return over_text(*common, *o);
    if (o->b.empty())
      throw Error(Code::usage, "compare", "a second model or file is needed (or --text for layers of one)");
    show(*common, *o, open_space(o->a), open_space(o->b));
  });
}

}  // namespace embscope::cli
