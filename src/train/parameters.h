// All parameters of a GPT-2 in one buffer, named and shaped as Hugging Face's files have them: matrices of linear maps
// are Conv1D, [in, out]. Gradients and the optimiser's moments are the same layout over other buffers.
#pragma once

#include <string>
#include <vector>

#include "embscope/model/model.h"
#include "embscope/tensor/tensor.h"

namespace embscope {

struct Parameter {
  std::string name;
  Shape shape;
  bool decays;          ///< matrices do; biases, gains do not
  std::int64_t offset;  ///< in floats; each begins on a cache line
  std::int64_t size() const { return shape.elements(); }
};

/// Every parameter of this configuration, in the file's order.
class Layout {
 public:
  explicit Layout(const Config& config);
  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::int64_t floats() const { return floats_; }  ///< of a buffer, gaps included
  std::int64_t count() const { return count_; }    ///< of the parameters alone

 private:
  std::vector<Parameter> parameters_;
  std::int64_t floats_ = 0, count_ = 0;
};

template <class Float>
struct BlockParts {
  Float *ln1_gain, *ln1_bias;
  Float *qkv, *qkv_bias;  ///< [D, 3D]: queries, keys and values side by side
  Float *o, *o_bias;      ///< [D, D]
  Float *ln2_gain, *ln2_bias;
  Float *up, *up_bias;      ///< [D, F]
  Float *down, *down_bias;  ///< [F, D]
};

/// Where each parameter lies in one buffer.
template <class Float>
struct Parts {
  Float *wte, *wpe;  ///< [V, D], [context, D]
  std::vector<BlockParts<Float>> blocks;
  Float *ln_gain, *ln_bias;

  Parts(const Layout& layout, std::int64_t count, Float* buffer) : blocks(static_cast<std::size_t>(count)) {
    auto parameter = layout.parameters().begin();
    auto next = [&] { return buffer + (parameter++)->offset; };
    wte = next(), wpe = next();
    for (BlockParts<Float>& b : blocks) {
      b.ln1_gain = next(), b.ln1_bias = next(), b.qkv = next(), b.qkv_bias = next(), b.o = next(), b.o_bias = next();
      b.ln2_gain = next(), b.ln2_bias = next(), b.up = next(), b.up_bias = next(), b.down = next(),
      b.down_bias = next();
    }
    ln_gain = next(), ln_bias = next();
  }
};

/// GPT-2's initial weights: N(0, 0.02), the projections into the residual stream multiplied by 1/sqrt(2 blocks); gains
/// 1, biases 0.
void initialise(const Layout& layout, const Config& config, std::uint64_t seed, float* buffer);

/// The weights of an opened model. Throws Error{unsupported} for one that is not a GPT-2 with tied embeddings, and the
/// other things that `refuse_untrainable` names.
void load(const Layout& layout, const Model& model, float* buffer);

/// Throws Error{unsupported} for what the backward pass does not support: rotary positions, gated MLPs, untied
/// unembeddings, and activations other than gelu_tanh.
void refuse_untrainable(const Config& config);

}  // namespace embscope
