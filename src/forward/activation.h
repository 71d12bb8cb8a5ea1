// The MLP's activation and its derivative, as a Config names them.
#pragma once

#include "embscope/model.h"
#include "kernels/backward.h"
#include "kernels/vector.h"

namespace embscope {

/// x := f(x)
inline void activate(Activation activation, float* x, std::int64_t n) {
  switch (activation) {
    case Activation::gelu_tanh: return gelu_tanh(x, n);
    case Activation::gelu_exact: return gelu_exact(x, n);
    case Activation::relu: return relu(x, n);
    case Activation::silu: return silu(x, n);
  }
}

/// dy := dy * f'(x)
inline void activate_backward(Activation activation, const float* x, float* dy, std::int64_t n) {
  switch (activation) {
    case Activation::gelu_tanh: return gelu_tanh_backward(x, dy, n);
    case Activation::gelu_exact: return gelu_exact_backward(x, dy, n);
    case Activation::relu: return relu_backward(x, dy, n);
    case Activation::silu: return silu_backward(x, dy, n);
  }
}

}  // namespace embscope
