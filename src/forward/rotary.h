// Rotary positions (Su et al. 2021): the angles of a text's positions.
#pragma once

#include "embscope/model.h"

namespace embscope {

struct Rotary {
  Tensor cosines, sines;  ///< [positions, K/2]
};

Rotary rotary(const Config& config, std::int64_t positions);

}  // namespace embscope
