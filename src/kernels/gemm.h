// Matrix products with packed weights. Every output is one chain of fused multiply-adds over k, in order, whatever the
// number of rows, threads or columns beside it: a row of a batch has the same bits as that row alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "embscope/tensor/tensor.h"
#include "kernels/stored.h"

namespace embscope {

inline constexpr std::int64_t panel_width = 32;

/// A matrix [out, in] that is multiplied: rearranged into panels of 32 outputs, of which panel p holds [in][32] with
/// outputs beyond `out` as zeros, or as it lies in a file, of which a panel is decoded when a product comes to it.
class Packed {
 public:
  Packed() = default;

  /// As it lies in a file: nothing is read before the first product.
  explicit Packed(std::shared_ptr<const Stored> stored)
      : out_(stored->out), in_(stored->in), stored_(std::move(stored)) {}

  /// `fill(p, panel)` writes panel p; it is called from several threads, once for each p.
  Packed(std::int64_t out, std::int64_t in, const std::function<void(std::int64_t p, float* panel)>& fill);

  /// Writes every panel again: the weights of a model in training change from step to step.
  void refill(const std::function<void(std::int64_t p, float* panel)>& fill);

  std::int64_t out() const { return out_; }
  std::int64_t in() const { return in_; }
  bool empty() const { return out_ == 0; }
  const Stored* stored() const { return stored_.get(); }  ///< null when it is panels
  /// Precondition: it is panels.
  const float* panel(std::int64_t p) const { return panels_.data() + p * in_ * panel_width; }
  std::int64_t panels() const { return (out_ + panel_width - 1) / panel_width; }

 private:
  std::int64_t out_ = 0, in_ = 0;
  Tensor panels_;
  std::shared_ptr<const Stored> stored_;
};

/// Rearranges `count` <= 32 rows of `in` values, `stride` apart, into one panel [in][32].
void pack_panel(const float* rows, std::int64_t stride, std::int64_t count, std::int64_t in, float* panel);

/// Copies `depth` rows of `columns` <= 32 values, `stride` apart, into one panel [depth][32]: rows that have the
/// outputs of one input side by side.
void copy_panel(const float* rows, std::int64_t stride, std::int64_t depth, std::int64_t columns, float* panel);

/// One matrix of a product and where its outputs go: y [rows, w->out()]; `bias` [w->out()] or null; strides in floats.
struct Product {
  const Packed* w;
  const float* bias;
  float* y;
  std::int64_t y_stride;
};

/// For each product: y[r][j] = sum_k x[r][k] * w[j][k], plus bias[j]. x [rows, in]; all matrices have the same `in`,
/// and share the work of reading x. Throws Error{format} where weights of a file are NaN or infinite, Error{io} where
/// the file was cut.
void gemm(const float* x, std::int64_t x_stride, std::int64_t rows, std::span<const Product> products);

/// `gemm` on the calling thread alone: for rows that are one share of a larger work.
void gemm_here(const float* x, std::int64_t x_stride, std::int64_t rows, std::span<const Product> products);

/// On the calling thread: y [rows, columns of those panels] = x times panels [first, first + panels) of w. For many
/// rows: x and the panels are read in blocks that stay in the cache.
void gemm_blocked(const float* x, std::int64_t x_stride, std::int64_t rows, const Packed& w, std::int64_t first,
                  std::int64_t panels, float* y, std::int64_t y_stride);

/// On the calling thread, with panels `panel_stride` floats apart, each [depth][32]:
/// y[r][c] (+)= sum_k x[r][k] * panel(c / 32)[k][c % 32] for c < columns, k < depth.
void gemm_serial(const float* x, std::int64_t x_stride, std::int64_t rows, const float* panels,
                 std::int64_t panel_stride, std::int64_t depth, float* y, std::int64_t y_stride, std::int64_t columns,
                 bool accumulate);

/// The same with x stored [depth, rows], its rows as columns: y[r][c] (+)= sum_k x[k][r] * panel(c / 32)[k][c % 32].
/// With x the inputs of a linear map and the panels its outputs' gradients, y is the gradient of its weights.
void gemm_transposed(const float* x, std::int64_t x_stride, std::int64_t rows, const float* panels,
                     std::int64_t panel_stride, std::int64_t depth, float* y, std::int64_t y_stride,
                     std::int64_t columns, bool accumulate);

}  // namespace embscope
