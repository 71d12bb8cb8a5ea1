#include <algorithm>

#include <fmt/format.h>

#include "command.h"
#include "embscope/files/archive.h"
#include "embscope/vocabulary/growth.h"

namespace embscope::cli {
namespace {

struct Options {
  GrowthRequest request;
  std::string frames;
};

// One picture per step, in an existing folder: .svg if the converter is installed, otherwise the specifications.
void write_frames(const Growth& growth, const std::filesystem::path& folder) {
  std::vector<Figure> figures;
  for (double step : growth.shape.column("step").numbers()) {
    figures.push_back(figure_growth_map(growth.map, step));
    figures.back().name = fmt::format("step-{:08.0f}", step);
  }
  const bool drawn = save_svgs(figures, folder);
  for (const Figure& figure : figures) {
    if (!drawn) save(figure, folder / (figure.name + ".json"));
  }
  fmt::print(stderr, "{} frames in {}\n", figures.size(), folder.string());
}

void save_report(const Growth& growth, const std::string& run, const std::string& path) {
  Report report("How the vectors formed", run);
  report.section("From step to step");
  report.text("Norms and cosines of the embedding vectors of the tokens that occur in the text, at each snapshot.");
  report.command(fmt::format("embscope growth {} --save {}", run, path));
  report.figure(figure_growth(growth.shape));
  report.table(growth.shape, 100);
  report.section("The map");
  report.text(
      "The most frequent tokens. Each map is rotated to match the next one as closely as possible; between two "
      "snapshots every token moves in a straight line.");
  report.figure(figure_growth_map(growth.map));
  report.section("Neighbours");
  report.table(growth.neighbours, 500);
  report.section("Frequency and norm");
  report.figure(figure_frequency(growth.frequency));
  report.table(growth.frequency, 20);
  write_file(path, report.html());
}

}  // namespace

void add_growth(CLI::App& app) {
  const auto [command, common] =
      add_command(app, "growth", "How the embedding vectors formed during training, snapshot by snapshot",
                  "growth my-model --words \" king\" \" water\" --save growth.html");
  auto o = std::make_shared<Options>();
  command->add_option("RUN", o->request.run, "The folder that embscope train wrote")->required();
  command->add_option("--words", o->request.words, "Words whose neighbours are listed (default: frequent words)");
  command->add_option("--neighbours", o->request.neighbours, "Number of neighbours for each word")
      ->capture_default_str()
      ->check(CLI::Range(1, 100));
  command->add_option("--map-tokens", o->request.mapped, "Number of tokens on the map, the most frequent ones")
      ->capture_default_str();
  command->add_option("--method", o->request.method, "Method of the map: tsne or pca")->capture_default_str();
  command->add_option("--seed", o->request.seed, "Seed of t-SNE");
  command->add_option("--frames", o->frames, "A folder to write the map of each step to, as separate pictures");
  command->callback([common, o] {
    if (!o->frames.empty()) make_folder(o->frames);
    const Growth found = growth(o->request, progress_line());
    print(*common, found.shape);
    if (!common->json && !common->csv) fmt::print("\n{}", found.neighbours.text());
    if (!o->frames.empty()) write_frames(found, o->frames);
    if (common->save.ends_with(".html"))
      save_report(found, o->request.run.string(), common->save);
    else
      save_figure(*common, [&] { return figure_growth(found.shape); });
  });
}

}  // namespace embscope::cli
