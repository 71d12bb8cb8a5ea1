// growth: how the embedding vectors of a training run formed.
#include "embscope/vocabulary/growth.h"

#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/files/archive.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  File run, frames;
  std::vector<std::string> words;
  int neighbours = 5;
  std::int64_t mapped = 100;
  std::string method = "tsne";
  std::uint64_t seed = 1;
};

constexpr Part parts[] = {
    {"shape", Kind::table,
     "Columns step, norm, norm deviation, mean cosine, positive share, frequency and norm (their correlation)"},
    {"neighbours", Kind::table, "Columns step, word, neighbours: the nearest tokens with their cosines"},
    {"frequency", Kind::table, "Columns token, id, count, norm at first, norm at last; the most frequent first"},
    {"map", Kind::table,
     "Columns step, token, x, y; each step is rotated to match the next one as closely as possible"},
    {"map", Kind::figure, "The map, with a slider from step to step"},
    {"shape", Kind::figure, "Norm and cosines by step"},
    {"frequency", Kind::figure, "Norm by frequency"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.run, {.name = "run", .what = "The folder that embscope train wrote", .option = "RUN", .required = true});
  f(r.words, {.name = "words", .what = "Words whose neighbours are listed (default: frequent words)"});
  f(r.neighbours, {.name = "neighbours", .what = "Number of neighbours for each word", .least = 1, .most = 100});
  f(r.mapped,
    {.name = "mapped", .what = "Number of tokens on the map, the most frequent ones", .option = "--map-tokens"});
  f(r.method, {.name = "method", .what = "Method of the map: tsne or pca"});
  f(r.seed, {.name = "seed", .what = "Seed of t-SNE"});
  f(r.frames,
    {.name = "frames", .what = "A folder to write the map of each step to, as separate pictures", .terminal = true});
}

// One picture per step, in an existing folder: .svg if the converter is installed, otherwise the specifications.
std::string write_frames(const Growth& growth, const std::filesystem::path& folder) {
  std::vector<Figure> figures;
  for (const double step : growth.shape.column("step").numbers()) {
    figures.push_back(figure_growth_map(growth.map, step));
    figures.back().name = fmt::format("step-{:08.0f}", step);
  }
  const bool drawn = save_svgs(figures, folder);
  for (const Figure& figure : figures) {
    if (!drawn) save(figure, folder / (figure.name + ".json"));
  }
  return fmt::format("{} frames in {}", figures.size(), folder.string());
}

std::string page_of(const AnalysisResult& found, const std::string& run) {
  Report report("How the vectors formed", run);
  report.section("From step to step");
  report.text("Norms and cosines of the embedding vectors of the tokens that occur in the text, at each snapshot.");
  report.command(fmt::format("embscope growth {} --save growth.html", run));
  report.figure(found.figure("shape"));
  report.table(found.table("shape"), 100);
  report.section("The map");
  report.text(
      "The most frequent tokens. Each map is rotated to match the next one as closely as possible; between two "
      "snapshots every token moves in a straight line.");
  report.figure(found.figure("map"));
  report.section("Neighbours");
  report.table(found.table("neighbours"), 500);
  report.section("Frequency and norm");
  report.figure(found.figure("frequency"));
  report.table(found.table("frequency"), 20);
  return report.html();
}

AnalysisResult run(const Subject&, const Parameters& r, const Progress& progress) {
  if (r.frames.given()) make_folder(r.frames.path);
  Growth made = growth({.run = r.run.path,
                        .words = r.words,
                        .neighbours = r.neighbours,
                        .mapped = r.mapped,
                        .method = r.method,
                        .seed = r.seed},
                       progress);
  AnalysisResult found;
  if (r.frames.given()) found.remarks = {write_frames(made, r.frames.path)};
  found.people = [tables = std::vector{made.shape, made.neighbours}] { return tables; };
  found.page = [run = r.run.path](const AnalysisResult& f) { return page_of(f, run); };
  found.add("shape", std::move(made.shape))
      .add("neighbours", std::move(made.neighbours))
      .add("frequency", std::move(made.frequency))
      .add("map", std::move(made.map))
      .add("map", [](const AnalysisResult& f) { return figure_growth_map(f.table("map")); })
      .add("shape", [](const AnalysisResult& f) { return figure_growth(f.table("shape")); })
      .add("frequency", [](const AnalysisResult& f) { return figure_frequency(f.table("frequency")); });
  found.saved = "shape";
  return found;
}

}  // namespace

const Analysis& growth_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "growth",
       .what = "How the embedding vectors formed during training, snapshot by snapshot",
       .group = Group::train,
       .example = "growth my-model --words \" king\" \" water\" --save growth.html",
       .needs = Needs::nothing},
      parts, fields, run);
  return made;
}

}  // namespace embscope::catalogue
