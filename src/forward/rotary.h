// Rotary positions (Su et al. 2021): the angles of a text's positions.
#pragma once

#include "embscope/model/model.h"

namespace embscope {

struct Rotary {
  Tensor cosines, sines;  ///< [positions, pairs that turn]
  bool pairs = false;

  /// Turns each head of a row, in place; `backward` turns it back, as its gradient is.
  void turn(float* row, std::int64_t heads, std::int64_t head_width, std::int64_t position,
            bool backward = false) const;
};

Rotary rotary(const Rope& rope, std::int64_t positions);

}  // namespace embscope
