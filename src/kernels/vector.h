// Arithmetic on rows of floats. Element-wise results do not depend on where in a row an element lies; sums run over 16
// fixed stripes, so that they depend neither on the instruction set nor on what lies beside the row.
#pragma once

#include <cstdint>

namespace embscope {

/// out[i] = a[i] + b[i]; out may be a.
void add(const float* a, const float* b, std::int64_t n, float* out);

/// Mean of x, summed in double.
double mean(const float* x, std::int64_t n);

/// sqrt(mean((x - shift)^2) + epsilon), summed in double: the denominator of LayerNorm (shift = mean) and RMSNorm
/// (shift = 0).
float norm_scale(const float* x, float shift, std::int64_t n, float epsilon);

/// out[i] = (x[i] - shift) / scale
void normalise(const float* x, float shift, float scale, std::int64_t n, float* out);

/// out[i] = x[i] * gain[i] + bias[i]; bias may be null.
void gain_bias(const float* x, const float* gain, const float* bias, std::int64_t n, float* out);

/// x[i] = x[i] * factor
void scale(float* x, float factor, std::int64_t n);

/// In place. gelu_tanh: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) (Hendrycks & Gimpel 2016); gelu_exact: 0.5 x (1
/// + erf(x/sqrt 2)).
void gelu_tanh(float* x, std::int64_t n);
void gelu_tanh(const float* x, std::int64_t n, float* y);  ///< the same, into y
void gelu_exact(float* x, std::int64_t n);
void relu(float* x, std::int64_t n);
void silu(float* x, std::int64_t n);

/// x[i] *= y[i]
void multiply(float* x, const float* y, std::int64_t n);

/// x[i] = exp(x[i] - max x) / sum, in place.
void softmax(float* x, std::int64_t n);

/// Rotates the pairs (x[i], x[i + half]) by the angles whose cosines and sines are given.
void rotate_halves(float* x, const float* cosines, const float* sines, std::int64_t half);

/// Whether every value is a number and finite.
bool all_finite(const float* x, std::int64_t n);

}  // namespace embscope
