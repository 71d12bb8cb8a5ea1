// The MLP's activation and its derivative, as a Config names them.
#pragma once

#include <algorithm>
#include <cmath>

#include "embscope/model/model.h"
#include "kernels/backward.h"
#include "kernels/vector.h"

namespace embscope {

inline float xielu(const Xielu& a, float x) {
  return a.beta * x + (x > 0 ? a.p * x * x : a.n * (std::expm1(std::min(x, a.epsilon)) - x));
}
inline float xielu_slope(const Xielu& a, float x) {
  return a.beta + (x > 0 ? 2 * a.p * x : a.n * (x < a.epsilon ? std::expm1(x) : -1.0f));
}

/// x := f(x)
inline void activate(Activation activation, float* x, std::int64_t n, const Xielu& numbers = {}) {
  switch (activation) {
    case Activation::gelu_tanh: return gelu_tanh(x, n);
    case Activation::gelu_exact: return gelu_exact(x, n);
    case Activation::relu: return relu(x, n);
    case Activation::silu: return silu(x, n);
    case Activation::relu_squared: {
      relu(x, n);
      return multiply(x, x, n);
    }
    case Activation::xielu: {
      for (std::int64_t i = 0; i < n; ++i) x[i] = xielu(numbers, x[i]);
      return;
    }
  }
}

/// y := f(x)
inline void activate(Activation activation, const float* x, std::int64_t n, float* y) {
  if (activation == Activation::gelu_tanh) return gelu_tanh(x, n, y);
  std::copy_n(x, n, y);
  activate(activation, y, n);
}

/// dy := dy * f'(x)
inline void activate_backward(Activation activation, const float* x, float* dy, std::int64_t n,
                              const Xielu& numbers = {}) {
  switch (activation) {
    case Activation::gelu_tanh: return gelu_tanh_backward(x, dy, n);
    case Activation::gelu_exact: return gelu_exact_backward(x, dy, n);
    case Activation::relu: return relu_backward(x, dy, n);
    case Activation::silu: return silu_backward(x, dy, n);
    case Activation::relu_squared: {
      for (std::int64_t i = 0; i < n; ++i) dy[i] *= 2 * std::max(x[i], 0.0f);
      return;
    }
    case Activation::xielu: {
      for (std::int64_t i = 0; i < n; ++i) dy[i] *= xielu_slope(numbers, x[i]);
      return;
    }
  }
}

/// x := cap tanh(x / cap), and what is left of a gradient by the capped value y: 1 - (y / cap)^2.
inline void soft_cap(float cap, float* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = cap * std::tanh(x[i] / cap);
}
inline float soft_cap_slope(float cap, float y) { return 1 - y / cap * (y / cap); }

}  // namespace embscope
