#include "embscope/project/map.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/files/archive.h"
#include "embscope/files/text_file.h"
#include "embscope/project/map_quality.h"
#include "embscope/project/projection.h"
#include "embscope/runs/in_context.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  Rows tokens{"0:100", {}};
  std::vector<Word> words, add;
  File file, resume;
  std::string site = "wte", method = "tsne", metric = "cosine", colour = "kind";
  GivenText after;
  double perplexity = 30, exaggeration = 12, stall = 1e-4, min_dist = 0.1;
  int steps = 0, neighbours = 15, dimensions = 2;
  std::uint64_t seed = 1;
  std::int64_t sample = 1000;
  bool each = false;
};

constexpr Part parts[] = {
    {"ids", Kind::integers, "Of the points, those of added words last"},
    {"points", Kind::rows, "[tokens, 2], or as many principal components as were asked for"},
    {"explained", Kind::numbers, "pca: each component's share of the variance"},
    {"loss", Kind::number, "t-SNE: the Kullback-Leibler divergence"},
    {"trace", Kind::numbers, "t-SNE: the divergence every 50 steps"},
    {"kept", Kind::number, "Of the ten nearest vectors the share that is among the ten nearest on the map"},
    {"trustworthiness", Kind::number,
     "1 less the penalty for neighbours on the map that are none (Venna & Kaski 2001)"},
    {"rank_correlation", Kind::number, "Spearman's, of the distances of pairs"},
    {"map", Kind::table, "Columns id, token, x, y, and with `each` kept and trustworthiness"},
    {"figure", Kind::figure, "The map"},
};

void tokens_fields(Parameters& r, Visitor& f) {
  f(r.tokens, {.name = "tokens", .what = "A range 0:100, ids, or all"});
  f(r.words, {.name = "words", .what = "In their place: words"});
  f(r.file, {.name = "file", .what = "In their place: a file with a word on each line"});
  f(r.site, {.name = "site", .what = "What the tokens have become there, such as blocks.12.resid_post"});
  f(r.after, {.name = "after", .what = "With `site`: each token stands behind this text"});
}

void method_fields(Parameters& r, Visitor& f) {
  f(r.method, {.name = "method", .what = "tsne, umap or pca"});
  f(r.metric, {.name = "metric", .what = "t-SNE, UMAP: cosine or euclidean"});
  f(r.perplexity,
    {.name = "perplexity", .what = "t-SNE: about how many neighbours count", .least = 0.1, .most = 1000000});
  f(r.exaggeration, {.name = "exaggeration", .what = "t-SNE: of the attraction in the first third, at most 250 steps"});
  f(r.steps, {.name = "steps",
              .what = "Gradient steps (0: 750) or epochs (0: 500, beyond 10,000 points 200)",
              .least = 0,
              .most = 1000000});
  f(r.stall, {.name = "stall", .what = "t-SNE: ends early when 50 steps lower the divergence by less than this share"});
  f(r.neighbours, {.name = "neighbours", .what = "UMAP: neighbours of each point", .least = 2, .most = 1000000});
  f(r.min_dist, {.name = "min_dist", .what = "UMAP: how near points may lie", .least = 0, .most = 1});
  f(r.dimensions,
    {.name = "dimensions", .what = "pca: components, of which the first two are drawn", .least = 2, .most = 1000});
  f(r.seed, {.name = "seed", .what = "The same seed gives the same picture"});
  f(r.resume, {.name = "resume",
               .what = "t-SNE: a file that keeps the state while it works; an interrupted, killed or finished map goes "
                       "on from it",
               .written = true});
}

void fields(Parameters& r, Visitor& f) {
  tokens_fields(r, f);
  method_fields(r, f);
  f(r.add, {.name = "add", .what = "Words to place on the finished map, which stays as it is"});
  f(r.colour, {.name = "colour", .what = "In the figure: kind, rank (the id) or norm"});
  f(r.sample, {.name = "sample", .what = "Points by which the quality of a large map is judged; 0: all", .least = 0});
  f(r.each, {.name = "each", .what = "The quality of each point's neighbourhood, as columns"});
}

void check(const Parameters& r) {
  if (r.method != "tsne" && r.method != "umap" && r.method != "pca")
    throw Error(Code::not_found, "method", fmt::format("'{}': choose tsne, umap or pca", r.method));
  if (r.metric != "cosine" && r.metric != "euclidean")
    throw Error(Code::usage, "metric", fmt::format("'{}': choose cosine or euclidean", r.metric));
  if (r.colour != "kind" && r.colour != "rank" && r.colour != "norm")
    throw Error(Code::usage, "colour", fmt::format("'{}': choose kind, rank or norm", r.colour));
  if (r.dimensions != 2 && r.method != "pca")
    throw Error(Code::usage, "dimensions", "other than 2 are for --method pca");
  if (r.resume.given() && r.method != "tsne") throw Error(Code::usage, "resume", "only t-SNE keeps a state");
}

bool of_matrix(const Parameters& r) { return r.site == "wte" && r.after.text.empty() && r.after.ids.empty(); }

std::vector<std::int64_t> ids_of(const Subject& on, const Parameters& r) {
  std::vector<Word> words = r.words;
  if (r.file.given()) {
    for (const std::string& line : read_lines(r.file.path))
      if (!line.empty()) words.push_back({line});
    if (words.empty()) throw Error(Code::usage, r.file.path, "holds no words (one a line)");
  }
  if (!words.empty()) return rows_of(on, words);
  const std::int64_t count = on.has_model() ? on.model().config().vocab : on.space().size();
  return rows_of(r.tokens, count, "tokens", "the vocabulary");
}

Site site_of(const Subject& on, const Parameters& r) {
  if (!on.has_model()) throw Error(Code::unsupported, "site, after", "are of a model; this is a file of vectors");
  const Site site = parse_site(r.site, on.model().config());
  if (is_attention_map(site.point) || site.point == Point::logits)
    throw Error(Code::usage, "site", fmt::format("{} holds no vector to map", site.name()));
  return site;
}

/// Told before the work: what the vectors take, and whether there are such.
double bytes(const Subject& on, const Parameters& r) {
  const auto ids = ids_of(on, r);
  if (ids.size() < 2) throw Error(Code::range, "tokens", "a map takes at least 2");
  if (!of_matrix(r)) site_of(on, r);
  const std::int64_t width = on.has_model() ? on.model().config().width : on.space().width();
  return 4.0 * static_cast<double>(ids.size()) * static_cast<double>(width);
}

/// These rows of the vocabulary as a space of their own; of a model only they are read.
Space rows_at(const Subject& on, const std::vector<std::int64_t>& ids) {
  const std::int64_t width = on.has_model() ? on.model().config().width : on.space().width();
  Space some;
  some.vectors = Tensor::uninitialised({std::ssize(ids), width});
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto row = some.vectors.row(static_cast<std::int64_t>(i));
    if (on.has_model()) {
      on.model().weights().wte.row(ids[i], row.data());
      some.labels.push_back(on.model().label(static_cast<TokenId>(ids[i])));
    } else {
      std::ranges::copy(on.space().vectors.row(ids[i]), row.begin());
      some.labels.push_back(on.space().labels[static_cast<std::size_t>(ids[i])]);
    }
  }
  return some;
}

/// The points of a map, or those that are added to it.
struct Points {
  std::vector<std::int64_t> ids;
  Space rows;                             // of the vocabulary
  std::shared_ptr<const Tensor> vectors;  // what is mapped: of the rows, or at the site
};

// Under cosine, rows of zeros have no place on a map.
Points points_of(const Subject& on, const Parameters& r, std::vector<std::int64_t> ids, const Progress& progress,
                 std::vector<std::string>& remarks) {
  Points p;
  p.ids = std::move(ids), p.rows = rows_at(on, p.ids);
  if (of_matrix(r) && r.metric == "cosine") {
    std::vector<std::int64_t> all(p.ids.size());
    std::iota(all.begin(), all.end(), 0);
    const DirectedRows directed = directed_rows(p.rows, all);
    if (!directed.zeros.empty()) {
      remarks.push_back(left_out_note(p.rows, directed.zeros));
      std::vector<std::int64_t> kept;
      for (const std::int64_t i : directed.rows) kept.push_back(p.ids[static_cast<std::size_t>(i)]);
      p.ids = std::move(kept), p.rows = rows_at(on, p.ids);
    }
  }
  if (of_matrix(r) || p.ids.empty()) {
    p.vectors = std::make_shared<const Tensor>(p.rows.vectors.clone());
  } else {
    const Site site = site_of(on, r);
    const std::vector<TokenId> tokens(p.ids.begin(), p.ids.end());
    const auto before = r.after.ids.empty() ? on.model().tokenizer().with_bos(r.after.text).ids : r.after.ids;
    p.vectors = std::make_shared<const Tensor>(in_context(on.transformer(), site, before, tokens, progress));
  }
  return p;
}

std::vector<std::string> notes_of(const Parameters& r, const Map& map) {
  if (r.method == "umap") return {fmt::format("{} epochs", map.steps)};
  if (r.method == "pca") {
    std::vector<std::string> notes = {fmt::format("the first two components hold {:.1f} % and {:.1f} % of the variance",
                                                  100 * map.explained[0], 100 * map.explained[1])};
    if (r.dimensions != 2)
      notes.push_back(fmt::format("all {} hold {:.1f} %; --points FILE writes them", r.dimensions,
                                  100 * std::accumulate(map.explained.begin(), map.explained.end(), 0.0)));
    return notes;
  }
  std::vector<std::string> notes = {fmt::format("KL divergence {:.4f} after {} steps", map.divergence, map.steps_done)};
  if (map.steps_done < map.steps) notes[0] += " (ended early: it fell no more; --stall 0 goes on)";
  std::string trace = "KL every 50 steps:";
  for (const double kl : map.trace) trace += fmt::format(" {:.3f}", kl);
  if (!map.trace.empty()) notes.push_back(trace);
  return notes;
}

struct MapJudgement {
  MapQuality quality;
  std::string note = "too few points to judge the map";
};

MapJudgement judged(const Parameters& r, const Tensor& vectors, const Tensor& points, const Progress& progress) {
  constexpr std::int64_t fewest = 22;
  MapJudgement judged;
  judged.quality.kept = judged.quality.trustworthiness = judged.quality.rank_correlation = NAN;
  if (points.rows() < fewest) {
    if (r.each) throw Error(Code::range, "each", "needs at least 22 points");
    return judged;
  }
  QualityOptions options;
  options.metric = metric_named(r.metric), options.sample = r.each ? 0 : r.sample;
  judged.quality = map_quality(vectors, points, options, progress);
  const MapQuality& q = judged.quality;
  judged.note =
      fmt::format("neighbours kept (10) {:.3f}, trustworthiness {:.3f}, rank correlation of distances {:.3f}{}", q.kept,
                  q.trustworthiness, q.rank_correlation,
                  q.sampled() ? fmt::format(" (by a sample of {} points, seed 1)", q.ids.size()) : "");
  return judged;
}

// The map and, behind its points, those of the added words.
Tensor with_added(const Parameters& r, const Tensor& vectors, const Tensor& points, const Tensor& added) {
  if (added.empty()) return points.clone();
  const Tensor placed = place(vectors, points, added, {.cosine = r.metric == "cosine"});
  Tensor out({points.rows() + placed.rows(), 2});
  std::ranges::copy(points.values(), out.values().begin());
  std::ranges::copy(placed.values(), out.values().begin() + static_cast<std::ptrdiff_t>(points.size()));
  return out;
}

MapStyle look_of(const Parameters& r, const Points& p, MapStyle look) {
  look.colour_title = r.colour;
  for (std::size_t i = 0; i < p.ids.size(); ++i) {
    double square = 0;
    for (const float x : p.rows.vectors.row(static_cast<std::int64_t>(i)))
      square += static_cast<double>(x) * static_cast<double>(x);
    if (r.colour == "kind")
      look.kinds.emplace_back(token_kind(p.rows.labels[i]));
    else
      look.values.push_back(r.colour == "rank" ? static_cast<double>(p.ids[i]) : std::sqrt(square));
  }
  return look;
}

Table table_of(const Points& p, const Points& more, const Tensor& points, const std::string& method) {
  std::vector<double> id, x, y;
  std::vector<std::string> labels = p.rows.labels;
  std::ranges::copy(more.rows.labels, std::back_inserter(labels));
  for (const auto* ids : {&p.ids, &more.ids}) id.insert(id.end(), ids->begin(), ids->end());
  for (std::int64_t i = 0; i < points.rows(); ++i)
    x.push_back(static_cast<double>(points.row(i)[0])), y.push_back(static_cast<double>(points.row(i)[1]));
  Table table(fmt::format("{} of {} tokens", method, p.ids.size()));
  return std::move(table.add("id", id, whole).add("token", labels).add("x", x, 4).add("y", y, 4));
}

MapOptions options_of(const Parameters& r) {
  return {.method = r.method,
          .cosine = r.metric == "cosine",
          .steps = r.steps,
          .perplexity = r.perplexity,
          .exaggeration = r.exaggeration,
          .stall = r.stall,
          .neighbours = r.neighbours,
          .min_dist = r.min_dist,
          .dimensions = r.dimensions,
          .seed = r.seed,
          .kept = r.resume.path};
}

// For people: beyond what a terminal shows, only what is said of the map.
void tell_people(AnalysisResult& found, std::size_t points) {
  constexpr std::size_t most_rows = 200;
  if (points <= most_rows) return;
  found.notes.push_back(
      fmt::format("{} points; --csv or --json prints them, --points FILE.npy writes them, --save draws them", points));
  found.people = [] { return std::vector<Table>(); };
}

std::string write_points(const AnalysisResult& found, const std::filesystem::path& file) {
  const auto& points = found.get<Tensor>("points");
  write_arrays(file, std::vector<NamedArray>{{"points", points.shape(), points.values(), DType::f32}});
  return {};
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  constexpr double running = 0.5;  // the model's share of the time, where it runs
  const double start = of_matrix(r) ? 0 : running;
  const Progress finding = part_of(progress, 0, start), mapping = part_of(progress, start, 1);
  AnalysisResult found;
  const Points p = points_of(on, r, ids_of(on, r), finding, found.remarks);
  const Points more = points_of(on, r, rows_of(on, r.add), {}, found.remarks);
  on.mapped(p.ids, of_matrix(r) ? nullptr : p.vectors);
  Map map = make_map(*p.vectors, options_of(r), on.moved(), mapping);
  const MapJudgement judged = catalogue::judged(r, *p.vectors, map.points, progress);
  auto points = std::make_shared<const Tensor>(with_added(r, *p.vectors, map.points, *more.vectors));
  const std::string method = r.method == "pca" ? "principal components" : r.method == "umap" ? "UMAP" : "t-SNE";
  Table table = table_of(p, more, *points, method);
  for (const auto& [name, values, digits] : {std::tuple("kept", &judged.quality.kept_of, 2),
                                             std::tuple("trustworthiness", &judged.quality.trustworthiness_of, 4)}) {
    if (!r.each) break;
    std::vector<double> all = *values;
    all.resize(table.rows(), NAN);  // not known of added words
    table.add(name, std::move(all), digits);
  }
  found.notes = notes_of(r, map);
  found.notes.push_back(judged.note);
  tell_people(found, table.rows());
  found.write = write_points;
  MapStyle look = look_of(r, more, look_of(r, p, {.note = judged.note, .added = more.ids.size()}));
  std::vector<int> ids(p.ids.begin(), p.ids.end());
  ids.insert(ids.end(), more.ids.begin(), more.ids.end());
  found.add("ids", std::move(ids))
      .add("points", r.dimensions == 2 ? points->clone() : std::move(map.components))
      .add("explained", std::move(map.explained))
      .add("loss", r.method == "tsne" ? map.divergence : NAN)
      .add("trace", std::move(map.trace))
      .add("kept", judged.quality.kept)
      .add("trustworthiness", judged.quality.trustworthiness)
      .add("rank_correlation", judged.quality.rank_correlation)
      .add("map", std::move(table))
      .add("figure", [points, look = std::move(look)](const AnalysisResult& f) {
        const Table& drawn = f.table("map");
        return figure_map(*points, drawn.column("token").texts(), drawn.title(), look);
      });
  return found;
}

}  // namespace

const Analysis& map_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "map",
       .what = "Tokens as points in the plane",
       .group = Group::vocabulary,
       .example = "map --tokens 0:100 --save map.html",
       .needs = Needs::space,
       .writes = "Write the points [tokens, 2]: FILE.npy, .npz or .safetensors",
       .to = "--points"},
      parts, fields, run, bytes, check);
  return made;
}

}  // namespace embscope::catalogue
