// Convolution in the plane by fast Fourier transforms: what a charge on every node of a grid does to every node.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

namespace embscope {

/// The smallest 2^a 3^b that is a multiple of 16 and at least `least`.
std::int64_t fft_size(std::int64_t least);

/// A complex transform of length `n` = 2^a 3^b, of 16 sequences side by side: Stockham's passes of radix 4, 3 and 2,
/// each step on vectors of the sequences.
class Fft {
 public:
  explicit Fft(std::int64_t n);
  std::int64_t size() const { return n_; }

  static constexpr std::int64_t abreast = 16;

  /// re, im [n][16], in place, with `scratch` [2][n][16]: sum_t x[t] exp(-2 pi i k t / n). With re and im exchanged,
  /// the inverse without its factor 1 / n.
  void transform(float* re, float* im, float* scratch) const;

  struct Pass {
    std::int64_t radix, length, stride;
    std::vector<float> twiddles;  // [length / radix][radix - 1][2]
  };

 private:
  std::int64_t n_;
  std::vector<Pass> passes_;
};

/// An even scalar kernel and an odd vector kernel of the displacement between two nodes, convolved with real charges on
/// a square grid without wrapping around: one transform there, one back.
class PlaneConvolution {
 public:
  /// Grids of up to `side` nodes each way. even(dx, dy) and odd(dx, dy) = {x, y} take displacements in nodes.
  PlaneConvolution(std::int64_t side, const std::function<float(float, float)>& even,
                   const std::function<std::array<float, 2>(float, float)>& odd);

  std::int64_t stride() const {
    return stride_;
  }  ///< nodes from one row of a grid to the next: `side` rounded up to 16

  /// charges [side][stride], zero beyond `side` -> x, y [side][stride]: sums of charge times the odd kernel (target
  /// minus source). Returns the sum over all pairs of nodes of charge times charge times the even kernel.
  double apply(const float* charges, float* x, float* y) const;

 private:
  std::vector<float> spectrum(const std::function<std::array<float, 2>(float, float)>& kernel) const;
  double middle(std::int64_t strip, std::vector<float>& half_re, std::vector<float>& half_im) const;

  std::int64_t side_, stride_;
  Fft fft_;
  std::vector<float> odd_;   // [strip of 16 frequencies][frequency across][re, im][16], with the factor 1 / n^2
  std::vector<float> even_;  // the same, real part alone: [strip][frequency][16]
};

}  // namespace embscope
