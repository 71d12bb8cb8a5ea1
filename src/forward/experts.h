// A mixture of experts, position by position: what a router's logits become, and what an expert's gate and up give.
#pragma once

#include <vector>

#include "embscope/model/model.h"
#include "forward/weights.h"

namespace embscope {

/// Logits of a router [E] -> how likely each expert is, in place.
void router_probabilities(const Experts& experts, float* logits);

/// The numbers of the chosen, most likely first; of equal ones, the first. `correction` [E] is added for the choice
/// alone, or null.
void choose_experts(const Experts& experts, const float* probabilities, const float* correction, float* chosen);

/// What the output of each chosen expert is multiplied by.
void weigh_experts(const Experts& experts, const float* probabilities, const float* chosen, float* weights);
/// weights [C] times the factors [E] of the chosen.
void scale_chosen(const Experts& experts, const float* factors, const float* chosen, float* weights);
/// dp [E], added to, by the weights' gradient dw, with the choice held fast.
void weigh_experts_backward(const Experts& experts, const float* probabilities, const float* chosen, const float* dw,
                            float* dp);
/// In place: the gradient by the logits from that by the probabilities.
void router_probabilities_backward(const Experts& experts, const float* probabilities, float* d);

/// The rows that go through an expert: row i of what the experts read, as its `rank`th choice.
struct Routed {
  std::int64_t row, rank;
};
/// For each expert, in order of the rows. Throws Error{range} where a choice (edited, for instance) is not an expert or
/// is made twice.
std::vector<std::vector<Routed>> routed(const Experts& experts, const Tensor& chosen);

/// The rows of x [N, D] that are routed, one after another.
Tensor gather(const Tensor& x, const std::vector<Routed>& rows);

/// gate and up of x [N, D]: [N, F] each.
struct ExpertHidden {
  Tensor gate, up;
};
ExpertHidden expert_hidden(const PackedExpert& w, const Tensor& x);

/// gate := f(gate) up, row by row.
void glu(const Config& config, ExpertHidden& hidden);
/// d, by f(gate) up, becomes that by gate; `up` becomes its own.
void glu_backward(const Config& config, const Tensor& gate, Tensor& up, Tensor& d);

/// The sigmoid of one value.
float sigmoid(float x);

}  // namespace embscope
