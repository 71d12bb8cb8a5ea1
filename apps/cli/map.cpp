// map: tokens as points in the plane, with the map's quality, and with words added to it.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <numeric>

#include <fmt/format.h>

#include "command.h"
#include "embscope/files/archive.h"
#include "embscope/project/map_quality.h"
#include "embscope/project/projection.h"
#include "embscope/runs/in_context.h"
#include "embscope/space/space.h"

namespace embscope::cli {
namespace {

struct Options {
  std::string tokens = "0:100", file, method = "tsne", metric = "cosine", points, resume, colour = "kind", site = "wte",
              after;
  std::vector<std::string> words, add;
  double perplexity = 30, min_dist = 0.1, stall = 1e-4, exaggeration = 12;
  int steps = 0, neighbours = 15, dimensions = 2;
  std::int64_t sample = 1000;
  bool each = false;
  std::uint64_t seed = 1;
};

TokenId number(std::string_view text) {
  TokenId value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(Code::usage, "tokens", fmt::format("'{}': expected 0:100, all, or ids with commas", text));
  return value;
}

std::vector<std::int64_t> parse_tokens(std::string_view text, std::int64_t count) {
  std::vector<std::int64_t> ids;
  if (text == "all" || text.find(':') != std::string_view::npos) {
    const auto [first, last] = parse_range(text == "all" ? ":" : text, count, "tokens", "the vocabulary");
    for (std::int64_t id = first; id < last; ++id) ids.push_back(id);
    return ids;
  }
  while (true) {
    const std::size_t comma = text.find(',');
    ids.push_back(number(text.substr(0, comma)));
    if (ids.back() < 0 || ids.back() >= count)
      throw Error(Code::range, "tokens", fmt::format("{}: the vocabulary has 0 to {}", ids.back(), count - 1));
    if (comma == std::string_view::npos) return ids;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::int64_t> wanted(const Options& o, const Space& space) {
  std::vector<std::string> words = o.words;
  if (!o.file.empty()) {
    std::ranges::copy_if(read_lines(o.file), std::back_inserter(words),
                         [](const std::string& line) { return !line.empty(); });
    if (words.empty()) throw Error(Code::usage, o.file, "holds no words (one a line)");
  }
  return words.empty() ? parse_tokens(o.tokens, space.size()) : rows_of_words(space, words);
}

// The tokens' vectors at a site, with each token after the same text.
Tensor vectors_at(const Options& o, const Space& space, std::span<const std::int64_t> ids, bool no_bos) {
  if (space.model == nullptr)
    throw Error(Code::unsupported, "--site, --after", "need a model; this is a file of vectors");
  const Transformer transformer(space.model);
  const std::vector<TokenId> tokens(ids.begin(), ids.end());
  const Tokenizer& tokenizer = space.model->tokenizer();
  const Tokens before = no_bos ? tokenizer.encode(o.after) : tokenizer.with_bos(o.after);
  return in_context(transformer, parse_site(o.site, transformer.config()), before.ids, tokens, progress_line());
}

Tensor vectors_of(const Common& common, const Options& o, const Space& space, std::span<const std::int64_t> ids) {
  if (!ids.empty() && (o.site != "wte" || !o.after.empty())) return vectors_at(o, space, ids, common.no_bos);
  Tensor out = Tensor::uninitialised({static_cast<std::int64_t>(ids.size()), space.width()});
  for (std::size_t i = 0; i < ids.size(); ++i)
    std::ranges::copy(space.vectors.row(ids[i]), out.row(static_cast<std::int64_t>(i)).begin());
  return out;
}

void write_points(const std::string& path, const Tensor& points) {
  write_arrays(path, std::vector<NamedArray>{{"points", points.shape(), points.values(), DType::f32}});
}

volatile std::sig_atomic_t interrupted = 0;

struct Map {
  Tensor points;
  std::vector<std::string> notes;  // how it came to be
};

// Saves the state of a map in a file while it is computed: at once, because the neighbours are half of the work, and
// then as often as takes little time.
class Keeper {
 public:
  explicit Keeper(std::string path) : path_(std::move(path)) {}

  void save(const Tsne& map) {
    if (path_.empty()) return;
    const auto begin = Clock::now();
    map.save(path_);
    const auto end = Clock::now();
    due_ = end + std::max<Clock::duration>(std::chrono::seconds(1), 20 * (end - begin));
  }
  void save_when_due(const Tsne& map) {
    if (Clock::now() >= due_) save(map);
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::string path_;
  Clock::time_point due_{};  // the first save is due at once
};

TsneOptions tsne_options(const Options& o) {
  TsneOptions options;
  options.perplexity = o.perplexity;
  options.cosine = o.metric == "cosine";
  options.steps = o.steps > 0 ? o.steps : 750;
  options.exaggerated_steps = std::min(options.exaggerated_steps, options.steps / 3);
  options.exaggeration = o.exaggeration;
  options.seed = o.seed;
  options.stall = o.stall;
  return options;
}

// A saved map continues with its own options; other options would be ignored without a message.
Tsne resumed(const Options& o, const Tensor& vectors) {
  Tsne map = Tsne::resume(o.resume, vectors);
  const TsneOptions wanted = tsne_options(o), &kept = map.options();
  if (kept.perplexity != wanted.perplexity || kept.cosine != wanted.cosine ||
      kept.exaggeration != wanted.exaggeration || kept.seed != wanted.seed)
    throw Error(
        Code::usage, o.resume,
        fmt::format(
            "holds a map of perplexity {}, metric {}, exaggeration {} and seed {}: give the same, or another file",
            kept.perplexity, kept.cosine ? "cosine" : "euclidean", kept.exaggeration, kept.seed));
  map.go_on(std::max(o.steps, kept.steps), o.stall);
  return map;
}

std::vector<std::string> tsne_notes(const Tsne& map) {
  std::vector<std::string> notes = {
      fmt::format("KL divergence {:.4f} after {} steps", map.divergence(), map.steps_done())};
  if (map.steps_done() < map.options().steps)
    notes[0] += " (stopped early: it no longer decreased; --stall 0 continues)";
  std::string trace = "KL every 50 steps:";
  for (double kl : map.trace()) trace += fmt::format(" {:.3f}", kl);
  if (!map.trace().empty()) notes.push_back(trace);
  return notes;
}

Map by_tsne(const Options& o, const Tensor& vectors) {
  const Progress progress = progress_line();
  const bool kept = !o.resume.empty() && std::filesystem::exists(o.resume);
  Tsne map = kept ? resumed(o, vectors) : Tsne(vectors, tsne_options(o), progress);
  if (!o.resume.empty()) std::signal(SIGINT, [](int) { interrupted = 1; });  // the state is saved first
  Keeper keeper(o.resume);
  bool more = true;
  while (more && interrupted == 0) {
    keeper.save_when_due(map);
    more = map.step();
    const std::string kl = map.trace().empty() ? "" : fmt::format(", KL {:.3f},", map.trace().back());
    report(progress, static_cast<double>(map.steps_done()) / map.options().steps,
           fmt::format("t-SNE, step {}{}", map.steps_done(), kl));
  }
  keeper.save(map);
  if (interrupted != 0)
    throw Error(Code::cancelled, "map",
                fmt::format("stopped at step {}; the same command goes on from {}", map.steps_done(), o.resume));
  return {map.points().clone(), tsne_notes(map)};
}

Map by_umap(const Options& o, const Tensor& vectors) {
  UmapOptions options;
  options.neighbours = o.neighbours;
  options.cosine = o.metric == "cosine";
  options.min_dist = o.min_dist;
  options.epochs = o.steps;
  options.seed = o.seed;
  const Progress progress = progress_line();
  Umap map(vectors, options, progress);
  while (map.step())
    report(progress, static_cast<double>(map.steps_done()) / map.steps(),
           fmt::format("UMAP, epoch {}", map.steps_done()));
  return {map.points().clone(), {fmt::format("{} epochs", map.steps())}};
}

// The first two components; --points writes all requested components to a file.
Map by_pca(const Options& o, const Tensor& vectors) {
  std::vector<double> explained;
  const Tensor scores = pca(vectors, o.dimensions, &explained);
  if (o.dimensions != 2) write_points(o.points, scores);
  Tensor points({vectors.rows(), 2});
  for (std::int64_t i = 0; i < points.rows(); ++i) std::ranges::copy(scores.row(i).first(2), points.row(i).begin());
  std::vector<std::string> notes = {fmt::format("the first two components hold {:.1f} % and {:.1f} % of the variance",
                                                100 * explained[0], 100 * explained[1])};
  if (o.dimensions != 2)
    notes.push_back(fmt::format("all {} explain {:.1f} %; they are in {}", o.dimensions,
                                100 * std::accumulate(explained.begin(), explained.end(), 0.0), o.points));
  return {std::move(points), std::move(notes)};
}

Map made(const Options& o, const Tensor& vectors) {
  return o.method == "pca" ? by_pca(o, vectors) : o.method == "umap" ? by_umap(o, vectors) : by_tsne(o, vectors);
}

std::string quality_note(const MapQuality& q) {
  return fmt::format("neighbours kept (10) {:.3f}, trustworthiness {:.3f}, rank correlation of distances {:.3f}{}",
                     q.kept, q.trustworthiness, q.rank_correlation,
                     q.sampled() ? fmt::format(" (measured on a sample of {} points, seed 1)", q.ids.size()) : "");
}

MapLook look_of(const Options& o, const Space& space, std::span<const std::int64_t> ids) {
  MapLook look;
  look.colour_title = o.colour;
  for (std::int64_t id : ids) {
    if (o.colour == "kind") {
      look.kinds.emplace_back(token_kind(space.labels[static_cast<std::size_t>(id)]));
    } else if (o.colour == "rank") {
      look.values.push_back(static_cast<double>(id));
    } else {
      double square = 0;
      for (float x : space.vectors.row(id)) square += static_cast<double>(x) * static_cast<double>(x);
      look.values.push_back(std::sqrt(square));
    }
  }
  return look;
}

// The map and, after its points, those of the added words.
Tensor with_added(const Options& o, const Tensor& vectors, const Tensor& points, const Tensor& added) {
  if (added.empty()) return points.clone();
  PlaceOptions options;
  options.cosine = o.metric == "cosine";
  const Tensor placed = place(vectors, points, added, options);
  Tensor out({points.rows() + placed.rows(), 2});
  std::ranges::copy(points.values(), out.values().begin());
  std::ranges::copy(placed.values(), out.values().begin() + static_cast<std::ptrdiff_t>(points.size()));
  return out;
}

Table table_of(const Space& space, std::span<const std::int64_t> ids, const Tensor& points, const std::string& title) {
  std::vector<double> id, x, y;
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto point = points.row(static_cast<std::int64_t>(i));
    id.push_back(static_cast<double>(ids[i])), x.push_back(static_cast<double>(point[0])),
        y.push_back(static_cast<double>(point[1]));
    labels.push_back(space.labels[static_cast<std::size_t>(ids[i])]);
  }
  Table table(title);
  table.add("id", id, whole).add("token", labels).add("x", x, 4).add("y", y, 4);
  return table;
}

void check(const Options& o) {
  if (o.method != "tsne" && o.method != "umap" && o.method != "pca")
    throw Error(Code::not_found, "method", fmt::format("'{}': there are tsne, umap and pca", o.method));
  if (o.metric != "cosine" && o.metric != "euclidean")
    throw Error(Code::usage, "metric", fmt::format("'{}': there are cosine and euclidean", o.metric));
  if (o.colour != "kind" && o.colour != "rank" && o.colour != "norm")
    throw Error(Code::usage, "colour", fmt::format("'{}': there are kind, rank and norm", o.colour));
  if (o.dimensions != 2 && (o.method != "pca" || o.points.empty()))
    throw Error(Code::usage, "--dimensions",
                "other than 2 are for --method pca with --points FILE, which they are written to");
  if (!o.resume.empty() && o.method != "tsne") throw Error(Code::usage, "resume", "only t-SNE keeps a state");
}

// With the cosine metric, rows of zeros have no place on a map.
std::vector<std::int64_t> with_direction(const Options& o, const Space& space, std::vector<std::int64_t> ids) {
  if (o.metric != "cosine" || o.site != "wte" || !o.after.empty()) return ids;
  DirectedRows directed = directed_rows(space, ids);
  remark(left_out_note(space, directed.zeros));
  return std::move(directed.rows);
}

void run(const Common& common, const Options& o) {
  check(o);
  const Space space = common.space();
  std::vector<std::int64_t> ids = with_direction(o, space, wanted(o, space));
  const Tensor vectors = vectors_of(common, o, space, ids);
  const std::vector<std::int64_t> more = with_direction(o, space, rows_of_words(space, o.add));
  Map map = made(o, vectors);

  std::string quality = "too few points to measure the map's quality";
  Table each("how well each neighbourhood is preserved");
  if (map.points.rows() >= 22) {
    QualityOptions options;
    options.metric = metric_named(o.metric);
    options.sample = o.each ? 0 : o.sample;
    const MapQuality q = map_quality(vectors, map.points, options, progress_line());
    quality = quality_note(q);
    each.add("kept", q.kept_of, 2).add("trustworthiness", q.trustworthiness_of, 4);
  } else if (o.each) {
    throw Error(Code::range, "map", "--each needs at least 22 points");
  }
  map.notes.push_back(quality);

  const Tensor points = with_added(o, vectors, map.points, vectors_of(common, o, space, more));
  ids.insert(ids.end(), more.begin(), more.end());
  const std::string method = o.method == "pca" ? "principal components" : o.method == "umap" ? "UMAP" : "t-SNE";
  Table table = table_of(space, ids, points, fmt::format("{} of {} tokens", method, map.points.rows()));
  if (o.each) {
    for (const Column& column : each.columns()) {
      std::vector<double> values = column.numbers();
      values.resize(ids.size(), NAN);  // not known of added words
      table.add(column.name, values, column.decimals);
    }
  }
  if (!o.points.empty() && o.dimensions == 2) write_points(o.points, points);
  constexpr std::size_t most_rows = 200;
  if (ids.size() > most_rows && !common.json && !common.csv) {
    map.notes.push_back(fmt::format(
        "{} points; --csv or --json prints them, --points FILE.npy writes them, --save draws them", ids.size()));
    for (const std::string& note : map.notes) fmt::print("{}\n", note);
  } else {
    print(common, table, map.notes);
  }
  save_figure(common, [&] {
    MapLook look = look_of(o, space, ids);
    look.note = quality;
    look.added = more.size();
    return figure_map(points, table.column("token").texts(), table.title(), look);
  });
}

}  // namespace

void add_map(CLI::App& app) {
  const auto [command, common] =
      add_command(app, "map", "Tokens as points in the plane", "map --tokens 0:100 --save map.html");
  takes_text({command, common});
  auto o = std::make_shared<Options>();
  command->add_option("--tokens", o->tokens, "Tokens to map: a range such as 0:100, ids separated by commas, or all");
  command->add_option("--words", o->words, "Words to map");
  command->add_option("--file", o->file, "A file with one word per line");
  command->add_option("--site", o->site, "Map the tokens' vectors at this site, such as blocks.12.resid_post");
  command->add_option("--after", o->after, "With --site: put each token after this text");
  command->add_option("--method", o->method, "Method: tsne, umap or pca");
  command->add_option("--metric", o->metric, "t-SNE, UMAP: metric, cosine or euclidean");
  command->add_option("--perplexity", o->perplexity,
                      "t-SNE: approximate number of neighbours that are taken into account");
  command->add_option("--exaggeration", o->exaggeration,
                      "t-SNE: factor of the attraction in the first third of the steps, at most 250 steps");
  command
      ->add_option("--steps", o->steps, "Gradient steps (t-SNE: 750) or epochs (UMAP: 500, beyond 10,000 points 200)")
      ->check(CLI::Range(1, 1000000));
  command->add_option("--stall", o->stall,
                      "t-SNE: stop early when 50 steps lower the divergence by less than this share");
  command->add_option("--neighbours", o->neighbours, "UMAP: number of neighbours of each point");
  command->add_option("--min-dist", o->min_dist, "UMAP: smallest distance between points");
  command
      ->add_option("--dimensions", o->dimensions,
                   "pca: number of components, written to the file of --points; the first two are drawn")
      ->check(CLI::Range(2, 1000));
  command->add_option("--seed", o->seed, "The same seed gives the same picture");
  command
      ->add_option("--resume", o->resume,
                   "t-SNE: a file in which the state is saved during the computation; an interrupted, killed or "
                   "finished map continues from it")
      ->check(takes_file);
  command->add_option("--add", o->add, "Words to add to the finished map, whose points do not move");
  command->add_option("--points", o->points, "Write the points [tokens, 2]: FILE.npy, .npz or .safetensors")
      ->check(takes_arrays);
  command->add_option("--colour", o->colour, "Colour the figure by kind, rank (the id) or norm");
  command->add_option("--sample", o->sample, "Number of points on which the quality of a large map is measured; 0: all")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--each", o->each, "Add columns with the quality of each point's neighbourhood");
  command->callback([common, o] { run(*common, *o); });
}

}  // namespace embscope::cli
