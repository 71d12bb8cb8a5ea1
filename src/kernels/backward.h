// Gradients of the row functions of vector.h, and the optimiser's step. `d` before a name is the gradient of the loss
// by it. Sums run over 16 fixed stripes, as those of vector.h.
#pragma once

#include <cstdint>

namespace embscope {

/// y = (x - mean) / scale * gain + bias: adds x's gradient to dx, and this row's share to dgain and dbias.
/// dx = (g - mean(g) - h mean(g h)) / scale, with g = dy gain, h = (x - mean) / scale.
void layer_norm_backward(const float* x, float mean, float scale, const float* gain, const float* dy, std::int64_t n,
                         float* dx, float* dgain, float* dbias);

/// dx = dy * f'(x), in place of dy, for the functions of vector.h.
void gelu_tanh_backward(const float* x, float* dy, std::int64_t n);
void gelu_exact_backward(const float* x, float* dy, std::int64_t n);
void relu_backward(const float* x, float* dy, std::int64_t n);
void silu_backward(const float* x, float* dy, std::int64_t n);

/// p = softmax(factor * s): dp becomes the gradient by s, factor * p (dp - sum p dp).
void softmax_backward(const float* p, float* dp, std::int64_t n, float factor);

/// -log softmax(logits)[target]; the logits become factor * (softmax - one-hot), the gradient of factor * loss.
double cross_entropy(float* logits, std::int64_t n, std::int64_t target, float factor);

/// out[j] (+)= sum over r of x[r][j], r in order.
void sum_rows(const float* x, std::int64_t x_stride, std::int64_t rows, std::int64_t columns, float* out,
              bool accumulate);

/// Sum of squares, in double.
double squares(const float* x, std::int64_t n);

/// Which elements survive, decided by their number and a key alone: the backward pass finds the same ones again.
struct Dropout {
  float rate = 0;
  std::uint64_t key = 0;
};

/// Element i (number first + i) is kept with probability 1 - rate and divided by it, or becomes 0.
void dropout(float* x, std::int64_t n, Dropout dropout, std::uint64_t first);

/// One step of AdamW (Loshchilov & Hutter 2019), as PyTorch computes it.
struct AdamStep {
  float rate, beta1, beta2, epsilon, decay;
  float correction1, correction2;  ///< 1 - beta^step
  float gradient_factor;           ///< of clipping
};
void adamw(float* p, float* m, float* v, const float* g, std::int64_t n, const AdamStep& step);

}  // namespace embscope
