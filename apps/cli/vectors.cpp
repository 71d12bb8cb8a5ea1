// vector, cosine, similar, heatmap, toy: looks at the embedding matrix that need no forward pass.
#include <fmt/format.h>

#include "command.h"
#include "embscope/similarity.h"

namespace embscope::cli {
namespace {

void add_vector(CLI::App& app) {
  const auto [command, common] =
      add_command(app, "vector", "Words' vectors, value by value", "vector \" apple\" \" pear\" --save vectors.html");
  auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("WORDS", *words, "Words (a leading space counts)")->required();
  command->callback([common, words] {
    const auto model = common->open();
    explain_words(model->tokenizer(), *words);
    const Table table = vectors(*model, *words);
    std::vector<std::string> notes;
    if (words->size() == 2)
      notes.push_back(fmt::format("cosine similarity {:.5f}", cosines(*model, *words).columns()[2].numbers()[0]));
    print(*common, table, notes);
    save_figure(*common, [&] { return figure_vectors(table); });
  });
}

void add_cosine(CLI::App& app) {
  const auto [command, common] =
      add_command(app, "cosine", "Cosine similarity of words, as a matrix", "cosine hello world \" apple\" \" pear\"");
  auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("WORDS", *words, "Words (a leading space counts)")->required();
  command->callback([common, words] {
    const auto model = common->open();
    explain_words(model->tokenizer(), *words);
    const Table table = cosines(*model, *words);
    print(*common, table);
    save_figure(*common, [&] { return figure_cosines(table); });
  });
}

void add_similar(CLI::App& app) {
  const auto [command, common] =
      add_command(app, "similar", "The tokens nearest to a word", "similar \" apple\" -k 12");
  auto word = std::make_shared<std::string>();
  auto k = std::make_shared<int>(10);
  command->add_option("WORD", *word, "A word (a leading space counts)")->required();
  command->add_option("-k", *k, "How many");
  command->callback([common, word, k] {
    const auto model = common->open();
    explain_words(model->tokenizer(), {*word});
    const Table table = similar(*model, *word, *k);
    print(*common, table);
    save_figure(*common, [&] { return figure_similar(table, *word); });
  });
}

void add_heatmap(CLI::App& app) {
  const auto [command, common] = add_command(
      app, "heatmap", "The entire embedding matrix as a picture, and its stripes", "heatmap --save heatmap.html");
  auto pixels = std::make_shared<int>(1600);
  command->add_option("--pixels", *pixels, "Pixels across")->check(CLI::Range(16, 20000));
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
