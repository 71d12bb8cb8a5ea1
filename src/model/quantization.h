// How the values of eight bits in a model's safetensors are scaled, as its config.json says it.
#pragma once

#include "model/keys.h"
#include "model/tensors.h"

namespace embscope {

/// Reads `quantization_config`, where there is one, so that `tensors` finds the factors of its values. Throws
/// Error{unsupported} for kinds whose values would not be its floats times their factors, by name.
void read_quantization(const Keys& keys, Tensors& tensors);

}  // namespace embscope
