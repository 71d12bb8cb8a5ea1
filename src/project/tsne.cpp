// t-SNE: van der Maaten & Hinton (2008); start and rates as Kobak & Berens (2019) and Belkina et al. (2019); the
// repulsion of many points as Linderman et al. (2019); steps no longer than 5 as openTSNE's (Poličar, Stražar & Zupan
// 2024).
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/random.h"
#include "base/threads.h"
#include "embscope/project/projection.h"
#include "kernels/plane.h"
#include "project/affinities.h"
#include "project/pca.h"
#include "project/repulsion.h"
#include "project/state.h"

namespace embscope {
namespace {

constexpr std::int64_t most_exact_points = 20000, exact_by_default = 1000;
constexpr int most_steps = 1000000, trace_every = 50;
constexpr float momentum = 0.8f;  // in both phases, as openTSNE has it: a lower divergence than 0.5 in the first

void check(const Tensor& v, const TsneOptions& o) {
  const std::int64_t n = v.rows();
  if (n < 4) throw Error(Code::range, "t-SNE", fmt::format("{} points: at least 4 are needed", n));
  if (o.gradient == Gradient::exact && n > most_exact_points)
    throw Error(Code::range, "t-SNE",
                fmt::format("{} points: the exact gradient takes at most {}", n, most_exact_points));
  const double largest = static_cast<double>(n - 1) / 3;
  if (!(o.perplexity >= 1) || o.perplexity > largest)
    throw Error(Code::range, "t-SNE",
                fmt::format("a perplexity of {} for {} points: choose 1 to {:.1f}", o.perplexity, n, largest));
  if (o.steps < 1 || o.steps > most_steps)
    throw Error(Code::range, "t-SNE", fmt::format("{} steps: choose 1 to {}", o.steps, most_steps));
  if (!(o.exaggeration >= 1 && o.exaggeration <= 1000))
    throw Error(Code::range, "t-SNE", fmt::format("an exaggeration of {}: choose 1 to 1000", o.exaggeration));
  if (!(o.learning_rate >= 0 && std::isfinite(o.learning_rate)))
    throw Error(
        Code::range, "t-SNE",
        fmt::format("a learning rate of {}: choose a positive number, or 0 for N / exaggeration", o.learning_rate));
  if (!(o.stall >= 0 && o.stall < 1))
    throw Error(Code::range, "t-SNE", fmt::format("a stall of {}: choose a share of 0 to 1", o.stall));
  check_finite(v, "t-SNE");
  for (std::int64_t i = 0; o.cosine && i < n; ++i) {
    if (std::ranges::all_of(v.row(i), [](float x) { return x == 0; }))
      throw Error(Code::range, "t-SNE",
                  fmt::format("vector {} is zero: it has no direction, use the Euclidean metric", i));
  }
}

bool exact(const TsneOptions& o, std::int64_t n) {
  return o.gradient == Gradient::exact || (o.gradient == Gradient::automatic && n <= exact_by_default);
}

// The first two components at a deviation of 1e-4; the jitter separates equal vectors.
std::vector<float> start(const Tensor& vectors, std::uint64_t seed) {
  const std::int64_t n = vectors.rows();
  std::vector<float> out(static_cast<std::size_t>(2 * n));
  const int components = static_cast<int>(std::min<std::int64_t>(2, vectors.columns()));
  const Tensor scores = principal_scores(vectors, components, 1e-3);
  double square = 0;
  for (std::int64_t i = 0; i < n; ++i)
    square += static_cast<double>(scores.row(i)[0]) * static_cast<double>(scores.row(i)[0]);
  const double scale = square > 0 ? 1e-4 / std::sqrt(square / static_cast<double>(n)) : 1;
  Random random(seed);
  for (std::int64_t i = 0; i < n; ++i) {
    for (int c = 0; c < 2; ++c) {
      const double score = c < components ? static_cast<double>(scores.row(i)[static_cast<std::size_t>(c)]) : 0;
      out[static_cast<std::size_t>(2 * i + c)] = static_cast<float>(score * scale + 1e-6 * random.normal());
    }
  }
  return out;
}

}  // namespace

struct Tsne::Parts {
  TsneOptions options;
  std::uint64_t of_vectors = 0;  // a hash
  Affinities affinities;
  std::vector<float> at, last, gains;  // [n][2]: places, steps, gains
  std::vector<double> trace;
  int done = 0;
  bool stalled = false;

  std::vector<float> pushes;
  Repulsion repulsion{true};
  Tensor points;

  std::int64_t count() const { return affinities.count(); }
  // N / exaggeration of the present phase: the pull on a point is as strong in both (Belkina et al. 2019, as openTSNE
  // has it).
  double rate(double exaggeration) const {
    return options.learning_rate > 0 ? options.learning_rate
                                     : std::max(static_cast<double>(count()) / exaggeration, 200.0);
  }
  std::int64_t chunk() const {  // of rows worth a thread
    const auto weights = static_cast<std::int64_t>(affinities.index.size()) / count();
    return std::max<std::int64_t>(64, 200'000 / std::max<std::int64_t>(1, weights));
  }

  void prepare() {
    pushes.assign(at.size(), 0);
    repulsion = Repulsion(exact(options, count()));
    points = Tensor({count(), 2});
    publish();
  }
  void publish() { std::copy(at.begin(), at.end(), points.data()); }

  // Gradient of KL(P || Q): 4 sum_j (a p_ij - q_ij) w_ij (y_i - y_j), with w = 1 / (1 + |y_i - y_j|^2), a the
  // exaggeration.
  template <class Use>  // use(i, x, y)
  void each_gradient(double exaggeration, const Use& use);
  void move(double exaggeration);
  void centre();
  double divergence();

  template <class File, class State>
  static void each_field(File& file, State& state);
};

template <class Use>
void Tsne::Parts::each_gradient(double exaggeration, const Use& use) {
  const double z = repulsion.find(at, pushes);
  const auto attract = static_cast<float>(4 * exaggeration), repel = static_cast<float>(4 / z);
  parallel_for(count(), chunk(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto r = static_cast<std::size_t>(i);
      const std::int64_t first = affinities.offsets[r], size = affinities.offsets[r + 1] - first;
      const Pull pull =
          attraction(at.data(), at.data() + 2 * i, affinities.index.data() + first, affinities.p.data() + first, size);
      use(2 * r, attract * pull.x - repel * pushes[2 * r], attract * pull.y - repel * pushes[2 * r + 1]);
    }
  });
}

void Tsne::Parts::move(double exaggeration) {
  const auto speed =
      static_cast<float>(rate(exaggeration) / 4);  // rates are for openTSNE's gradient, which leaves out the 4
  constexpr float longest = 5;
  auto step_of = [&](std::size_t c, float gradient) {
    gains[c] = (gradient > 0) == (last[c] > 0) ? std::max(gains[c] * 0.8f, 0.01f) : gains[c] + 0.2f;
    last[c] = momentum * last[c] - speed * gains[c] * gradient;
  };
  each_gradient(exaggeration, [&](std::size_t c, float x, float y) {
    step_of(c, x);
    step_of(c + 1, y);
    const float length = std::sqrt(last[c] * last[c] + last[c + 1] * last[c + 1]);
    if (length > longest) last[c] *= longest / length, last[c + 1] *= longest / length;
  });
  for (std::size_t c = 0; c < at.size(); ++c) at[c] += last[c];
}

void Tsne::Parts::centre() {
  double x = 0, y = 0;
  for (std::size_t c = 0; c < at.size(); c += 2) x += static_cast<double>(at[c]), y += static_cast<double>(at[c + 1]);
  const auto n = static_cast<double>(count());
  const auto mean_x = static_cast<float>(x / n), mean_y = static_cast<float>(y / n);
  for (std::size_t c = 0; c < at.size(); c += 2) at[c] -= mean_x, at[c + 1] -= mean_y;
}

// sum p log p - sum p log q, with q = w / Z and p summing to 1.
double Tsne::Parts::divergence() {
  const double z = repulsion.find(at, pushes);
  std::vector<double> sums(static_cast<std::size_t>(count()));
  parallel_for(count(), chunk(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto r = static_cast<std::size_t>(i);
      const std::int64_t first = affinities.offsets[r];
      sums[r] = log_distances(at.data(), at.data() + 2 * i, affinities.index.data() + first,
                              affinities.p.data() + first, affinities.offsets[r + 1] - first);
    }
  });
  return affinities.entropy + std::accumulate(sums.begin(), sums.end(), 0.0) + std::log(z);
}

Tsne::Tsne(const Tensor& vectors, const TsneOptions& options, const Progress& progress)
    : parts_(std::make_unique<Parts>()) {
  check(vectors, options);
  Parts& s = *parts_;
  s.options = options;
  s.of_vectors = hash_of(vectors);
  const std::int64_t n = vectors.rows();
  const Metric metric = options.cosine ? Metric::cosine : Metric::euclidean;
  const auto wanted = static_cast<std::int64_t>(3 * options.perplexity);
  const int k = static_cast<int>(exact(options, n) ? n - 1 : std::min(n - 1, wanted));
  Neighbours neighbours = nearest_neighbours(vectors, {k, metric}, progress);
  std::vector<float> conditional = conditional_weights(neighbours, metric, options.perplexity);
  s.affinities = symmetric(std::move(neighbours), std::move(conditional));
  s.at = start(vectors, options.seed);
  s.last.assign(s.at.size(), 0);
  s.gains.assign(s.at.size(), 1);
  s.prepare();
}

Tsne::Tsne(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Tsne::~Tsne() = default;
Tsne::Tsne(Tsne&&) noexcept = default;

bool Tsne::step() {
  Parts& s = *parts_;
  if (s.done >= s.options.steps || s.stalled) return false;
  const bool early = s.done < s.options.exaggerated_steps;
  s.move(early ? s.options.exaggeration : 1);
  s.centre();
  if (++s.done % trace_every == 0) {
    s.trace.push_back(s.divergence());
    const std::size_t before = s.trace.size() - 2;
    s.stalled = s.trace.size() > 1 && s.done >= s.options.exaggerated_steps + 2 * trace_every &&
                s.trace[before] - s.trace.back() < s.options.stall * s.trace[before];
  }
  s.publish();
  return s.done < s.options.steps && !s.stalled;
}

int Tsne::steps_done() const { return parts_->done; }
const TsneOptions& Tsne::options() const { return parts_->options; }
const Tensor& Tsne::points() const { return parts_->points; }
double Tsne::divergence() const { return parts_->divergence(); }
const std::vector<double>& Tsne::trace() const { return parts_->trace; }

void Tsne::go_on(int steps, double stall) {
  if (steps < parts_->done || steps > most_steps)
    throw Error(
        Code::range, "t-SNE",
        fmt::format("{} steps, of which {} are done: choose {} to {}", steps, parts_->done, parts_->done, most_steps));
  TsneOptions& options = parts_->options;
  if (steps == options.steps && stall == options.stall) return;  // a map that stopped early stays finished
  options.steps = steps, options.stall = stall;
  parts_->stalled = false;
}

Tensor Tsne::gradient() const {
  Tensor out({parts_->count(), 2});
  parts_->each_gradient(1, [&](std::size_t c, float x, float y) { out.data()[c] = x, out.data()[c + 1] = y; });
  return out;
}

namespace {

// Checks the sizes of a state, so that no step reads beyond it.
bool sound(const Affinities& a, std::int64_t n) {
  if (a.count() != n || a.offsets[0] != 0 || a.offsets.back() != static_cast<std::int64_t>(a.index.size()) ||
      a.p.size() != a.index.size())
    return false;
  for (std::size_t i = 1; i < a.offsets.size(); ++i) {
    if (a.offsets[i] < a.offsets[i - 1] || a.offsets[i] % weight_step != 0) return false;
  }
  return std::ranges::all_of(a.index, [n](std::int32_t j) { return j >= 0 && j < n; });
}

}  // namespace

// All members of a state, for its writer and its reader.
template <class File, class State>
void Tsne::Parts::each_field(File& file, State& s) {
  file.value(s.of_vectors);
  file.value(s.options);
  file.value(s.done);
  file.value(s.stalled);
  file.array(s.affinities.offsets);
  file.array(s.affinities.index);
  file.array(s.affinities.p);
  file.value(s.affinities.entropy);
  file.array(s.at);
  file.array(s.last);
  file.array(s.gains);
  file.array(s.trace);
}

void Tsne::save(const std::filesystem::path& path) const {
  StateWriter out(path);
  Parts::each_field(out, std::as_const(*parts_));
  out.commit();
}

Tsne Tsne::resume(const std::filesystem::path& path, const Tensor& vectors) {
  auto parts = std::make_unique<Parts>();
  Parts& s = *parts;
  StateReader in(path);
  Parts::each_field(in, s);
  if (s.of_vectors != hash_of(vectors))
    throw Error(Code::format, path.string(), "is the state of a map of other vectors; choose the same model and words");
  const std::size_t coordinates = static_cast<std::size_t>(2 * vectors.rows());
  if (!sound(s.affinities, vectors.rows()) || s.at.size() != coordinates || s.last.size() != coordinates ||
      s.gains.size() != coordinates || s.done < 0)
    throw Error(Code::format, path.string(), "the state is damaged; start the map again");
  check(vectors, s.options);
  s.prepare();
  return Tsne(std::move(parts));
}

Tensor tsne(const Tensor& vectors, const TsneOptions& options, const Progress& progress) {
  constexpr double neighbours = 0.3;  // their share, roughly
  Tsne map(vectors, options, part_of(progress, 0, neighbours));
  do {
    report(progress, neighbours + (1 - neighbours) * map.steps_done() / options.steps,
           fmt::format("t-SNE, step {} of {}", map.steps_done(), options.steps));
  } while (map.step());
  return map.points().clone();
}

}  // namespace embscope
