// geometry: the shape of a whole space, or of a text's vectors layer by layer.
#include <cmath>
#include <functional>
#include <map>

#include <fmt/format.h>

#include "command.h"
#include "embscope/runs/layers.h"
#include "embscope/vocabulary/geometry.h"

namespace embscope::cli {
namespace {

struct Options {
  std::string show = "measures", text, file, unused;
  int bins = 40, k = 10, most = 20;
  std::int64_t positions = 2048;
  bool centred = false, lines = false, skip_first = false;
};

// The first rows of a list for the terminal; all rows with --json and --csv.
Table listed(const Common& common, const Table& table, int most) {
  return common.json || common.csv ? table : head(table, static_cast<std::size_t>(most));
}

void show_measures(const Common& common, const Options& o) {
  const Space space = common.space();
  GeometryOptions options;
  options.k = o.k;
  const Table table = geometry(space, options, progress_line());
  print(common, table);
  save_figure(common, [&] { return figure_spectrum(spectrum(space)); });
}

void show_pairs(const Common& common, const Options& o) {
  const PairCosines pairs = pair_cosines(common.space().vectors, o.centred, o.bins, progress_line());
  print(common, pairs.histogram,
        {fmt::format("{:.0f} pairs, mean cosine {:.4f}, {:.3f} % positive{}", pairs.pairs, pairs.mean,
                     100 * pairs.positive_share, o.centred ? ", the mean vector removed" : "")});
  save_figure(common, [&] { return figure_pairs(pairs.histogram, pairs.mean, pairs.positive_share); });
}

void show_quantiles(const Common& common, const Options& o) {
  const PairCosines pairs = pair_cosines(common.space().vectors, o.centred, 2000, progress_line());
  print(common, pair_quantiles(pairs));
  save_figure(common, [&] { return figure_pairs(pairs.histogram, pairs.mean, pairs.positive_share); });
}

void show_dimensions(const Common& common, const Options& o) {
  const Table table = dimensions(common.space());
  print(common, listed(common, table, o.most));
  save_figure(common, [&] { return figure_dimensions(table); });
}

void show_spectrum(const Common& common, const Options& o) {
  const Table table = spectrum(common.space());
  print(common, listed(common, table, o.most));
  save_figure(common, [&] { return figure_spectrum(table); });
}

void show_norms(const Common& common, const Options& o) {
  const Table table = norms(common.space(), o.bins);
  print(common, table);
  save_figure(common, [&] { return figure_norms(table); });
}

void show_hubs(const Common& common, const Options& o) {
  const Table table = hubs(common.space(), std::max(1, o.k), progress_line());
  print(common, listed(common, table, o.most));
  save_figure(common, [&] { return figure_hubs(table); });
}

void show_undertrained(const Common& common, const Options& o) {
  const Space space = common.space();
  std::vector<std::int64_t> unused;
  if (!o.unused.empty()) {
    const auto [first, last] = parse_range(o.unused, space.size(), "unused rows", space.name);
    for (std::int64_t row = first; row < last; ++row) unused.push_back(row);
  }
  const Undertrained found = undertrained(space, unused);
  std::vector<std::string> notes = {fmt::format("unused rows: {}", found.reference)};
  if (std::isfinite(found.mean))
    notes.push_back(fmt::format("indicator over all rows: mean {:.3f}, deviation {:.3f}", found.mean, found.deviation));
  print(common, listed(common, found.tokens, o.most), notes);
  save_figure(common, [&] { return figure_undertrained(found.tokens, found.reference); });
}

// The text's tokens as the rows that are run: each line its own, or the whole text in rows as long as the context.
std::vector<std::vector<TokenId>> rows_of(const Model& model, const Options& o) {
  std::vector<std::vector<TokenId>> rows;
  if (o.lines) {
    for (const std::string& line : o.file.empty() ? text_lines(o.text) : read_lines(o.file))
      if (!line.empty()) rows.push_back(model.tokenizer().with_bos(line).ids);
    return rows;
  }
  const auto ids = model.tokenizer().with_bos(o.file.empty() ? o.text : read_text(o.file)).ids;
  const auto longest = static_cast<std::size_t>(model.config().context);
  for (std::size_t at = 0; at < ids.size(); at += longest)
    rows.emplace_back(ids.begin() + static_cast<std::ptrdiff_t>(at),
                      ids.begin() + static_cast<std::ptrdiff_t>(std::min(at + longest, ids.size())));
  return rows;
}

void show_layers(const Common& common, const Options& o) {
  const auto model = common.open();
  const Transformer transformer(model);
  const auto rows = rows_of(*model, o);
  const Table table = layer_geometry(transformer, rows, {o.positions, o.skip_first}, progress_line());
  const std::string sampling = fmt::format("{:.0f} positions by occurrence, {} {} from the beginning of the text{}",
                                           table.column("vectors").numbers()[0], rows.size(),
                                           o.lines ? "lines, each run alone," : "rows as long as the context",
                                           o.skip_first ? ", without the first position of each" : "");
  print(common, table, {"sampling: " + sampling});
  save_figure(common, [&] { return figure_layers(table, sampling); });
}

}  // namespace

void add_geometry(CLI::App& app) {
  const auto [command, common] = add_command(app, "geometry", "The shape of a whole vocabulary, or of a text's vectors",
                                             "geometry --show pairs --save pairs.html");
  takes_text({command, common});
  auto o = std::make_shared<Options>();
  using Show = std::function<void(const Common&, const Options&)>;
  static const std::map<std::string, Show> shows = {{"measures", show_measures},   {"pairs", show_pairs},
                                                    {"quantiles", show_quantiles}, {"dimensions", show_dimensions},
                                                    {"spectrum", show_spectrum},   {"norms", show_norms},
                                                    {"hubs", show_hubs},           {"undertrained", show_undertrained}};
  command
      ->add_option("--show", o->show,
                   "What to print: measures, pairs (the histogram), quantiles, dimensions, spectrum, norms, hubs or "
                   "undertrained")
      ->check(CLI::IsMember(shows));
  command->add_option("--bins", o->bins, "Number of bins of a histogram");
  command->add_option(
      "--unused", o->unused,
      "undertrained: rows known to be unused, such as 0:17 (default: the tokens of bytes that UTF-8 never contains)");
  command->add_flag("--centred", o->centred, "pairs, quantiles: remove the mean vector first");
  command->add_option("-k", o->k, "hubs: number of neighbours that count; measures: 0 leaves hubs out")
      ->check(CLI::Range(0, 1000));
  command->add_option("-n", o->most, "Number of rows to print (--csv and --json print all)")
      ->check(CLI::Range(1, 10000000));
  auto* text = command->add_option("--text", o->text, "Measure this text's vectors in context instead, layer by layer");
  command->add_option("--file", o->file, "The same as --text, with the text of a file")->excludes(text);
  command->add_flag("--lines", o->lines, "Run each line of the text separately");
  command->add_option("--positions", o->positions, "Number of vectors per layer, from the beginning of the text")
      ->check(CLI::Range(2, 1000000));
  command->add_flag("--skip-first", o->skip_first, "Leave out the first position of each row");
  command->callback(
      [common, o] { o->text.empty() && o->file.empty() ? shows.at(o->show)(*common, *o) : show_layers(*common, *o); });
}

}  // namespace embscope::cli
