// Projection: many-dimensional vectors as points in the plane.
// Thread rule: pure functions; a Tsne or Umap belongs to one thread. The same seed gives the same picture for any
// number of threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/project/neighbours.h"
#include "embscope/tensor/tensor.h"

namespace embscope {

/// The first `count` principal components of vectors [N, D] -> [N, count]; signs are fixed such that the score with the
/// largest absolute value is positive. By randomised subspace iteration (Halko, Martinsson & Tropp 2011). `explained`,
/// if given, receives each component's share of the variance. Throws Error{range} for fewer than 2 vectors, more
/// components than vectors or dimensions, or NaN.
Tensor pca(const Tensor& vectors, int count = 2, std::vector<double>* explained = nullptr);

/// How the repulsion of all pairs is computed: exactly, or by interpolation on a grid and fast Fourier transforms
/// (Linderman et al. 2019), with weights only between 3 x perplexity neighbours. `automatic`: exact up to 1,000 points.
enum class Gradient : std::uint8_t { automatic, exact, fourier };

struct TsneOptions {
  double perplexity = 30;       ///< must be below (N - 1) / 3
  bool cosine = true;           ///< metric: cosine distance, or Euclidean
  int exaggerated_steps = 250;  ///< number of steps with early exaggeration
  int steps = 750;              ///< total number of steps
  double exaggeration = 12;     ///< at least 1
  double learning_rate = 0;  ///< learning rate of the gradient without its factor 4; 0: N / exaggeration of the phase,
                             ///< at least 200 (as openTSNE)
  std::uint64_t seed = 1;    ///< seed of the jitter added to the PCA start (Kobak & Berens 2019)
  Gradient gradient = Gradient::automatic;
  double stall =
      0;  ///< stop if, after the exaggeration, 50 steps lower the divergence by less than this share; 0: never
};

/// t-SNE (van der Maaten & Hinton 2008): an object that makes one step at a time, so that clients can show its
/// progress.
class Tsne {
 public:
  /// vectors [N, D]; computes neighbours and weights, which for many vectors is half of the work. Throws Error{range}
  /// for N < 4, a perplexity too large for N (the message has the largest), rates that diverge, or NaN; Error{range}
  /// for a zero vector with the cosine.
  Tsne(const Tensor& vectors, const TsneOptions& options, const Progress& progress = {});

  /// Continues from a file that `save` wrote, bit for bit as without the interruption. Throws Error{not_found, io}, and
  /// Error{format} for a damaged file or a file of other vectors (compared by a hash of their bytes).
  static Tsne resume(const std::filesystem::path& state, const Tensor& vectors);
  void save(const std::filesystem::path& state) const;  ///< written completely or not at all

  ~Tsne();
  Tsne(Tsne&&) noexcept;

  bool step();  ///< one gradient step; false when done
  int steps_done() const;
  void go_on(
      int steps,
      double stall = 0);  ///< lets a finished map make more steps; throws Error{range} for fewer steps than are done
  const TsneOptions& options() const;
  const Tensor& points() const;              ///< [N, 2]
  double divergence() const;                 ///< KL(P || Q) now, without exaggeration
  const std::vector<double>& trace() const;  ///< KL at every 50th step

  /// Gradient at the current points [N, 2] (without exaggeration), for tests.
  Tensor gradient() const;

 private:
  struct Parts;
  explicit Tsne(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

struct PlaceOptions {
  double perplexity = 5;
  bool cosine = true;
  int steps = 250;
};

/// Adds vectors [M, D] to a finished map of `vectors` [N, D] at `points` [N, 2], whose points do not move -> [M, 2].
/// Each vector starts among its neighbours and follows its own part of t-SNE's gradient (as openTSNE's `transform`;
/// Poličar et al. 2024).
Tensor place(const Tensor& vectors, const Tensor& points, const Tensor& added, const PlaceOptions& options = {});

struct UmapOptions {
  int neighbours = 15;  ///< including the point itself, as the authors count
  bool cosine = true;   ///< metric: cosine distance, or Euclidean
  double min_dist = 0.1;
  int epochs = 0;  ///< 0: 500 for up to 10,000 points, 200 beyond
  int negatives = 5;
  std::uint64_t seed = 1;
};

/// UMAP (McInnes, Healy & Melville 2018) from exact neighbours and a PCA start. Within an epoch each point moves along
/// its own edges relative to the positions of the other points in the previous epoch, so the result does not depend on
/// threads.
class Umap {
 public:
  /// Throws as Tsne does, and Error{range} for fewer points than neighbours.
  Umap(const Tensor& vectors, const UmapOptions& options, const Progress& progress = {});
  ~Umap();
  Umap(Umap&&) noexcept;

  bool step();  ///< one epoch; false when done
  int steps_done() const;
  int steps() const;
  const Tensor& points() const;  ///< [N, 2]

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// The curve 1 / (1 + a x^(2b)) that is nearest to 1 below min_dist and to exp(min_dist - x) above it (spread 1), by
/// least squares.
struct UmapCurve {
  double a, b;
};
UmapCurve umap_curve(double min_dist);

/// Runs a Tsne to its end.
Tensor tsne(const Tensor& vectors, const TsneOptions& options, const Progress& progress = {});

}  // namespace embscope
