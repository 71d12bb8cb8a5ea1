// The distribution of cosines over all pairs, of vectors already at unit length (zero rows have cosines of 0).
#pragma once

#include "embscope/tensor/tensor.h"
#include "embscope/vocabulary/similarity.h"

namespace embscope {

PairCosines pair_cosines_of_unit(const Tensor& unit, int bins, const Progress& progress);

}  // namespace embscope
