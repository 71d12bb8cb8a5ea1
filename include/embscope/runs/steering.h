// Steering: a direction from contrasting texts, added while the model writes (Turner et al. 2023; Rimsky et al. 2024).
// Lifetime: results own what they hold. Thread rule: pure functions over a Transformer.
#pragma once

#include <string>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/forward/transformer.h"
#include "embscope/runs/predict.h"
#include "embscope/tensor/table.h"

namespace embscope {

/// The mean over `towards` minus the mean over `away` of each text's vector at the site at its last token: [D], or the
/// number of values of the site. Throws Error{usage} if either list is empty or the site has no vector for each
/// position; what Transformer::run throws.
std::vector<float> steering_direction(const Transformer& transformer, const std::vector<std::string>& towards,
                                      const std::vector<std::string>& away, const Site& site);

struct SteerRequest {
  std::string text;
  Site site;
  std::vector<float> direction;
  std::vector<double> strengths = {-4, -2, 0, 2, 4};  ///< multiples of the direction, added at every position
  Sampling sampling;
  std::vector<std::string> targets;  ///< next tokens whose probabilities are computed (token_named)
};

/// A row for each strength: columns strength, one per target, divergence (KL in nats of the next-token distribution
/// from that at strength 0), top, top_probability, text (what the model then writes, unchanged). Throws what
/// Transformer::run and generate throw; Error{cancelled}.
Table steer(const Transformer& transformer, const SteerRequest& request, const Progress& progress = {});

}  // namespace embscope
