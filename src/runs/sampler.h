// The choice of one token after another.
#pragma once

#include "base/random.h"
#include "embscope/runs/generate.h"

namespace embscope {

class Sampler {
 public:
  /// Throws as `check` does.
  explicit Sampler(const GenerateRequest& sampling);

  TokenId next(std::span<const float> logits, std::span<const TokenId> text);

 private:
  const GenerateRequest& sampling_;
  Random random_;
};

}  // namespace embscope
