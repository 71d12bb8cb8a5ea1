// The weights as the forward pass wants them: matrices packed into panels, biases and gains decoded.
#pragma once

#include <string>
#include <vector>

#include "embscope/model.h"
#include "kernels/gemm.h"

namespace embscope {

/// One affine map: y = x W^T + bias. `bias` is empty when there is none.
struct Linear {
  Packed weight;
  Tensor bias;
  const float* bias_or_null() const { return bias.empty() ? nullptr : bias.data(); }
};

struct PackedNorm {
  Tensor gain, bias;  ///< bias is empty for RMSNorm
};

struct PackedBlock {
  PackedNorm ln1, ln2;
  Linear q, k, v, o, gate, up, down;
};

struct PackedWeights {
  std::vector<PackedBlock> blocks;
  PackedNorm ln_final;
};

/// Decodes and packs everything but the unembedding. Throws Error{format} where a weight is NaN or infinite.
PackedWeights pack_weights(const Model& model);

/// The unembedding alone: nobody pays for it who asks for no logits.
Packed pack_unembedding(const Model& model);

/// Only the rows of these tokens, in this order.
Packed pack_unembedding(const Model& model, const std::vector<TokenId>& tokens);

}  // namespace embscope
