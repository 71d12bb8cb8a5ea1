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

/// First `count` principal components of vectors [N, D] -> [N, count]; signs fixed so that the score of largest size is
/// positive. By randomised subspace iteration (Halko, Martinsson & Tropp 2011). `explained`, when given, receives each
/// component's share of the variance. Throws Error{range} for fewer than 2 vectors, more components than either side
/// has, or NaN.
Tensor pca(const Tensor& vectors, int count = 2, std::vector<double>* explained = nullptr);

/// How the repulsion of all pairs is found: exactly, or by interpolation on a grid and fast Fourier transforms
/// (Linderman et al. 2019), with weights among 3 x perplexity neighbours alone. `automatic`: exact up to 1,000 points.
enum class Gradient : std::uint8_t { automatic, exact, fourier };

struct TsneOptions {
  double perplexity = 30;       ///< must be below (N - 1) / 3
  bool cosine = true;           ///< metric: cosine distance, or Euclidean
  int exaggerated_steps = 250;  ///< at early exaggeration
  int steps = 750;              ///< in all
  double exaggeration = 12;     ///< at least 1
  double learning_rate =
      0;  ///< of the gradient without its factor 4; 0: N / exaggeration of the phase, at least 200 (as openTSNE)
  std::uint64_t seed = 1;  ///< of the jitter added to the PCA start (Kobak & Berens 2019)
  Gradient gradient = Gradient::automatic;
  double stall =
      0;  ///< ends when, past the exaggeration, 50 steps lower the divergence by less than this share; 0: never
};

/// t-SNE (van der Maaten & Hinton 2008): a steppable object that a terminal loops over and a page animates.
class Tsne {
 public:
  /// vectors [N, D]; finds neighbours and weights, which for many vectors is half of the work. Throws Error{range} for
  /// N < 4, a perplexity too large for N (says the largest), rates that explode, or NaN; Error{range} for a zero vector
  /// under cosine.
  Tsne(const Tensor& vectors, const TsneOptions& options, const Progress& progress = {});

  /// Goes on from what `save` wrote, bit for bit as if there had been no interruption. Throws Error{not_found, io}, and
  /// Error{format} for a damaged file or one of other vectors (their bytes are compared by a hash).
  static Tsne resume(const std::filesystem::path& state, const Tensor& vectors);
  void save(const std::filesystem::path& state) const;  ///< whole or not at all

  ~Tsne();
  Tsne(Tsne&&) noexcept;

  bool step();  ///< one gradient step; false when done
  int steps_done() const;
  void go_on(int steps,
             double stall = 0);  ///< lets a finished map make more steps; throws Error{range} for fewer than are done
  const TsneOptions& options() const;
  const Tensor& points() const;              ///< [N, 2]
  double divergence() const;                 ///< KL(P || Q) now, without exaggeration
  const std::vector<double>& trace() const;  ///< KL at every 50th step

  /// Gradient at the present points [N, 2] (without exaggeration), for tests.
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

/// Adds vectors [M, D] to a finished map of `vectors` [N, D] at `points` [N, 2], which stays as it is -> [M, 2]. Each
/// begins among its neighbours and follows its own share of t-SNE's gradient (as openTSNE's `transform`; Poličar et al.
/// 2024).
Tensor place(const Tensor& vectors, const Tensor& points, const Tensor& added, const PlaceOptions& options = {});

struct UmapOptions {
  int neighbours = 15;  ///< a point itself among them, as its authors count
  bool cosine = true;   ///< metric: cosine distance, or Euclidean
  double min_dist = 0.1;
  int epochs = 0;  ///< 0: 500 for up to 10,000 points, 200 beyond
  int negatives = 5;
  std::uint64_t seed = 1;
};

/// UMAP (McInnes, Healy & Melville 2018) from exact neighbours and a PCA start. Within an epoch each point moves along
/// its own edges against the others' places of the epoch before, so that threads change nothing.
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

/// The curve 1 / (1 + a x^(2b)) nearest to 1 below min_dist and exp(min_dist - x) beyond (spread 1), by least squares.
struct UmapCurve {
  double a, b;
};
UmapCurve umap_curve(double min_dist);

/// Runs a Tsne to its end.
Tensor tsne(const Tensor& vectors, const TsneOptions& options, const Progress& progress = {});

}  // namespace embscope
