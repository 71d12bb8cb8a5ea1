// The gradient of a mixture of experts, with the router's choice held fast: only what was chosen answers.
#pragma once

#include "embscope/model/model.h"

namespace embscope {

/// What a run held at the sites of one block, for T positions.
struct ExpertActivations {
  const Tensor& input;          ///< what experts read, and the router unless the experts stand beside an MLP [T, D]
  const Tensor& probabilities;  ///< [T, E]
  const Tensor& chosen;         ///< [T, C]
  const Tensor& weights;        ///< [T, C]
};

struct ExpertGradients {
  Tensor input, logits, probabilities, chosen, weights;  ///< shaped as the values; that by `chosen` is 0
  Tensor out;                                            ///< by what each chosen expert adds, [T, C * D]
  Tensor router_input;                                   ///< by what the router reads, [T, D]; `input` is without it
};

/// From d [T, D], the gradient by what the mixture gives.
ExpertGradients experts_backward(const Model& model, int block, const ExpertActivations& run, const Tensor& d);

}  // namespace embscope
