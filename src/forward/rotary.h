// Rotary positions (Su et al. 2021): the angles of a text's positions.
#pragma once

#include "embscope/model/model.h"

namespace embscope {

struct Rotary {
  Tensor cosines, sines;  ///< [positions, pairs that turn]
  bool pairs = false;
  std::int64_t first = 0;  ///< value of a head that turns

  /// Turns each head of a row, in place; `backward` turns it back, as its gradient is.
  void turn(float* row, std::int64_t heads, std::int64_t head_width, std::int64_t position,
            bool backward = false) const;
};

/// What a query is multiplied by at a position, where Layer::grows.
float query_growth(const Config& config, std::int64_t position);

Rotary rotary(const Rope& rope, std::int64_t positions);

}  // namespace embscope
