// The picture of quantisation.h.
#pragma once

#include <string_view>

#include "embscope/figure/figure.h"

namespace embscope {

/// Above, a dot for each tensor, in the order of the pass, at its error, in the colour of its type; below, how the
/// differences of single weights lie.
Figure figure_quantisation(const Table& tensors, const Table& differences, std::string_view title);

}  // namespace embscope
