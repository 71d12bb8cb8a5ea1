// The distribution of cosines over all pairs, of vectors already at unit length (zero rows have cosines of 0).
#pragma once

#include "embscope/similarity.h"
#include "embscope/tensor.h"

namespace embscope {

PairCosines pair_cosines_of_unit(const Tensor& unit, int bins, const Progress& progress);

}  // namespace embscope
