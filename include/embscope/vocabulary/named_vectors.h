// NamedVector: a vector and what it is called; tables of several.
// Thread rule: values; pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "embscope/tensor/table.h"

namespace embscope {

struct NamedVector {
  std::string name;
  std::vector<float> values;
};

/// Columns dimension, and one of values for each. All are of one length.
Table vectors(std::span<const NamedVector> list);

/// Columns word, and one of cosines for each. Throws Error{range} for a vector of zeros.
Table cosines(std::span<const NamedVector> list);

}  // namespace embscope
