// Blocks of ggml's quantised types -> fp32, as ggml and gguf-py decode them, bit for bit.
#pragma once

#include <cstdint>

#include "embscope/tensor/tensor.h"

namespace embscope {

/// Decodes one block: block_bytes(dtype) bytes of any alignment to block_size(dtype) values.
using DecodeBlock = void (*)(const std::uint8_t* block, float* values);

/// Null for types that have no blocks.
DecodeBlock block_decoder(DType dtype);

/// The types whose values are rows of a codebook: IQ1_S to IQ3_S. Null for others.
DecodeBlock codebook_decoder(DType dtype);

}  // namespace embscope
