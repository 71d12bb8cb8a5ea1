// vector, cosine, similar, heatmap, toy: views of the embedding matrix that need no forward pass.
#include <fmt/format.h>

#include "command.h"
#include "embscope/project/neighbours.h"
#include "embscope/space/space.h"
#include "embscope/vocabulary/similarity.h"

namespace embscope::cli {
namespace {

struct Looked {
  Table vectors, cosines;
};

// From a model only the rows of the words are read.
Looked looked_up(const Common& common, const std::vector<std::string>& words) {
  if (common.has_vectors_only()) {
    const Space space = common.space();
    const auto rows = rows_of_words(space, words);
    return {vectors(space, rows), cosines(space, rows)};
  }
  const auto model = common.open();
  explain_words(*model, words);
  return {vectors(*model, words), cosines(*model, words)};
}

void add_vector(CLI::App& app) {
  const auto [command, common] = add_command(app, "vector", "The vectors of words, value by value",
                                             "vector \" apple\" \" pear\" --save vectors.html");
  auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("WORDS", *words, "Words (a leading space is part of the word)")->required();
  command->callback([common, words] {
    const auto [table, cosine] = looked_up(*common, *words);
    std::vector<std::string> notes;
    if (words->size() == 2) notes.push_back(fmt::format("cosine similarity {:.5f}", cosine.columns()[2].numbers()[0]));
    print(*common, table, notes);
    save_figure(*common, [&] { return figure_vectors(table); });
  });
}

void add_cosine(CLI::App& app) {
  const auto [command, common] =
      add_command(app, "cosine", "Cosine similarity of words, as a matrix", "cosine hello world \" apple\" \" pear\"");
  auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("WORDS", *words, "Words (a leading space is part of the word)")->required();
  command->callback([common, words] {
    const Table table = looked_up(*common, *words).cosines;
    print(*common, table);
    save_figure(*common, [&] { return figure_cosines(table); });
  });
}

// The rows nearest to a row of any space by any metric, without the row itself.
Table nearest_by(const Space& space, std::int64_t row, NeighbourOptions options) {
  const int wanted = options.k++;
  const Neighbours found = nearest_to(space.vectors.row(row), space.vectors, options);
  remark(left_out_note(space, found.left_out));
  std::vector<double> rank, ids, values;
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < found.ids.size() && static_cast<int>(rank.size()) < wanted; ++i) {
    if (found.ids[i] == row) continue;
    rank.push_back(static_cast<double>(rank.size() + 1)), ids.push_back(found.ids[i]),
        values.push_back(static_cast<double>(found.values[i]));
    tokens.push_back(space.labels[static_cast<std::size_t>(found.ids[i])]);
  }
  Table table(fmt::format("nearest to {} by {}{}", space.labels[static_cast<std::size_t>(row)], name(options.metric),
                          options.centred ? ", the mean removed" : ""));
  table.add("rank", rank, whole)
      .add("token", tokens)
      .add("id", ids, whole)
      .add(std::string(name(options.metric)), values, 5);
  return table;
}

// With a model's tokenizer if there is one: the same cosines as in the explorer and Python.
std::pair<Table, std::string> nearest(const Common& common, const std::string& word, const NeighbourOptions& options) {
  const Space space = common.space();
  const std::int64_t row = rows_of_words(space, {word}).front();
  const bool by_cosine = space.model && options.metric == Metric::cosine && !options.centred;
  return {by_cosine ? similar(*space.model, word, options.k) : nearest_by(space, row, options),
          space.labels[static_cast<std::size_t>(row)]};
}

void add_similar(CLI::App& app) {
  const auto [command, common] =
      add_command(app, "similar", "The tokens nearest to a word", "similar \" apple\" -k 12");
  struct Options {
    std::string word, metric = "cosine";
    int k = 10;
    bool centred = false;
  };
  auto o = std::make_shared<Options>();
  command->add_option("WORD", o->word, "A word (a leading space is part of the word)")->required();
  command->add_option("-k", o->k, "Number of tokens to list");
  command->add_option("--metric", o->metric, "Metric: cosine, euclidean or dot");
  command->add_flag("--centred", o->centred, "Remove the mean of all vectors first");
  command->callback([common, o] {
    const Metric metric = metric_named(o->metric);
    if (o->k < 1) throw Error(Code::range, "similar", fmt::format("{} neighbours: ask for at least 1", o->k));
    const auto [table, label] = nearest(*common, o->word, {o->k, metric, o->centred});
    print(*common, table);
    save_figure(*common, [&, &table = table, &label = label] { return figure_similar(table, label); });
  });
}

void add_heatmap(CLI::App& app) {
  const auto [command, common] = add_command(
      app, "heatmap", "The entire embedding matrix as a picture, and its stripes", "heatmap --save heatmap.html");
  auto pixels = std::make_shared<int>(1600);
  command->add_option("--pixels", *pixels, "Width of the picture in pixels")->check(CLI::Range(16, 20000));
  command->callback([common, pixels] {
    const auto model = common->open();
    const Table stripes = dimensions(*model);
    print(*common, common->json || common->csv ? stripes : head(stripes, 16));
    save_figure(*common, [&] {
      return figure_heatmap(heatmap(*model, *pixels), stripes, model->config().vocab, model->config().width,
                            model->name());
    });
  });
}

void add_toy(CLI::App& app) {
  const auto [command, common] =
      add_command(app, "toy", "A space of two dimensions: animals by size and friendliness", "toy --save toy.html");
  command->callback([common] {
    print(*common, toy_space());
    save_figure(*common, [] { return figure_toy(toy_space()); });
  });
}

}  // namespace

void add_vectors(CLI::App& app) {
  add_vector(app);
  add_cosine(app);
  add_similar(app);
  add_heatmap(app);
  add_toy(app);
}

}  // namespace embscope::cli
