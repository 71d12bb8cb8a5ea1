#include "embscope/project/map.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "embscope/project/projection.h"

namespace embscope {
namespace {

constexpr double finding_neighbours = 0.4;  // their share of the time of a map

using Moved = std::function<void(const Tensor&)>;

// Keeps a growing map in a file: at once, since neighbours are half of the work, and then as often as costs little
// time.
class Keeper {
 public:
  explicit Keeper(std::filesystem::path path) : path_(std::move(path)) {}

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
  std::filesystem::path path_;
  Clock::time_point due_{};  // the first save is due at once
};

TsneOptions tsne_options(const MapOptions& o) {
  TsneOptions options;
  options.perplexity = o.perplexity;
  options.cosine = o.cosine;
  options.steps = o.steps > 0 ? o.steps : options.steps;
  options.exaggerated_steps = std::min(options.exaggerated_steps, options.steps / 3);
  options.exaggeration = o.exaggeration;
  options.seed = o.seed;
  options.stall = o.stall;
  return options;
}

// A kept map goes on by its own options; others asked for would be dropped in silence.
Tsne resumed(const MapOptions& o, const Tensor& vectors) {
  Tsne map = Tsne::resume(o.kept, vectors);
  const TsneOptions wanted = tsne_options(o), &kept = map.options();
  if (kept.perplexity != wanted.perplexity || kept.cosine != wanted.cosine ||
      kept.exaggeration != wanted.exaggeration || kept.seed != wanted.seed)
    throw Error(
        Code::usage, o.kept.string(),
        fmt::format(
            "holds a map of perplexity {}, metric {}, exaggeration {} and seed {}: give the same, or another file",
            kept.perplexity, kept.cosine ? "cosine" : "euclidean", kept.exaggeration, kept.seed));
  map.go_on(std::max(o.steps, kept.steps), o.stall);
  return map;
}

void report_step(const Tsne& map, const Progress& progress) {
  const int steps = map.options().steps;
  const std::string kl = map.trace().empty() ? "" : fmt::format(", KL {:.3f}", map.trace().back());
  report(progress, static_cast<double>(map.steps_done()) / steps,
         fmt::format("t-SNE, step {} of {}{}", map.steps_done(), steps, kl));
}

void run(Tsne& map, const MapOptions& o, const Moved& moved, const Progress& progress) {
  Keeper keeper(o.kept);
  try {
    for (bool more = true; more;) {
      keeper.save_when_due(map);
      more = map.step();
      if (moved) moved(map.points());
      report_step(map, progress);
    }
  } catch (const Error& error) {
    if (error.code() != Code::cancelled || o.kept.empty()) throw;
    keeper.save(map);
    throw Error(Code::cancelled, "map",
                fmt::format("stopped at step {}; the same command goes on from {}", map.steps_done(), o.kept.string()));
  }
  keeper.save(map);
}

Map by_tsne(const Tensor& vectors, const MapOptions& o, const Moved& moved, const Progress& progress) {
  const bool kept = !o.kept.empty() && std::filesystem::exists(o.kept);
  const Progress finding = part_of(progress, 0, finding_neighbours), moving = part_of(progress, finding_neighbours, 1);
  Tsne map = kept ? resumed(o, vectors) : Tsne(vectors, tsne_options(o), finding);
  run(map, o, moved, moving);
  return {.points = map.points().clone(),
          .components = {},
          .explained = {},
          .divergence = map.divergence(),
          .trace = map.trace(),
          .steps = map.options().steps,
          .steps_done = map.steps_done()};
}

Map by_umap(const Tensor& vectors, const MapOptions& o, const Moved& moved, const Progress& progress) {
  const UmapOptions options{
      .neighbours = o.neighbours, .cosine = o.cosine, .min_dist = o.min_dist, .epochs = o.steps, .seed = o.seed};
  const Progress moving = part_of(progress, finding_neighbours, 1);
  Umap map(vectors, options, part_of(progress, 0, finding_neighbours));
  while (map.step()) {
    if (moved) moved(map.points());
    report(moving, static_cast<double>(map.steps_done()) / map.steps(),
           fmt::format("UMAP, epoch {} of {}", map.steps_done(), map.steps()));
  }
  Map made;
  made.points = map.points().clone(), made.steps = map.steps(), made.steps_done = map.steps_done();
  return made;
}

Map by_pca(const Tensor& vectors, const MapOptions& o) {
  Map map;
  map.components = pca(vectors, o.dimensions, &map.explained);
  map.points = Tensor({vectors.rows(), 2});
  for (std::int64_t i = 0; i < vectors.rows(); ++i)
    std::ranges::copy(map.components.row(i).first(2), map.points.row(i).begin());
  return map;
}

}  // namespace

Map make_map(const Tensor& vectors, const MapOptions& o, const Moved& moved, const Progress& progress) {
  if (o.method != "tsne" && o.method != "umap" && o.method != "pca")
    throw Error(Code::not_found, "method", fmt::format("'{}': choose tsne, umap or pca", o.method));
  if (!o.kept.empty() && o.method != "tsne") throw Error(Code::usage, "resume", "only t-SNE keeps a state");
  if (moved && o.method != "pca") moved(pca(vectors, 2));
  Map map = o.method == "pca"    ? by_pca(vectors, o)
            : o.method == "umap" ? by_umap(vectors, o, moved, progress)
                                 : by_tsne(vectors, o, moved, progress);
  if (moved) moved(map.points);
  return map;
}

}  // namespace embscope
