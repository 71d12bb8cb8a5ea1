// All parameters of a GPT-2 in one buffer, named and shaped as Hugging Face's files have them: matrices of linear maps
// are Conv1D, [in, out]. Gradients and the optimiser's moments are the same layout over other buffers. What there is in
// a block, model/block.h says; what it is called, the names of GPT-2 in model/gpt2.cpp.
#pragma once

#include <string>
#include <vector>

#include "embscope/model/model.h"
#include "embscope/tensor/tensor.h"
#include "model/block.h"

namespace embscope {

struct Parameter {
  std::string name;
  Shape shape;
  double deviation;     ///< of the initial values of a matrix; 0 for biases and gains
  float initial;        ///< value of a bias or gain
  std::int64_t offset;  ///< in floats; each begins on a cache line
  std::int64_t size() const { return shape.elements(); }
  bool decays() const { return deviation > 0; }  ///< matrices do; biases, gains do not
};

/// Where a part of the model begins in a buffer. Of a matrix [in, columns]: its outputs may be some of a parameter's
/// columns, as queries, keys and values are.
struct Location {
  std::int64_t offset = 0, columns = 0;
};

/// Every parameter of this configuration, in the file's order.
class Layout {
 public:
  explicit Layout(const Config& config);
  const Config& config() const { return config_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::int64_t floats() const { return floats_; }  ///< of a buffer, gaps included
  std::int64_t count() const { return count_; }    ///< of the parameters alone

  Location wte, wpe;  ///< [V, D], [context, D]
  std::vector<BlockOf<Location, Location>> blocks;
  NormOf<Location> ln_final;

 private:
  friend struct BlockLayout;
  Location add(std::string name, Shape shape, double deviation, float initial = 0);

  Config config_;
  std::vector<Parameter> parameters_;
  std::int64_t floats_ = 0, count_ = 0;
};

/// The same in one buffer. Queries, keys and values lie side by side: q's weight is that of all three, [D, 3D], and so
/// is its bias.
template <class Float>
struct Parts {
  Float *wte, *wpe;  ///< [V, D], [context, D]
  std::vector<BlockOf<Float*, Float*>> blocks;
  NormOf<Float*> ln_final;

  Parts(const Layout& layout, Float* buffer)
      : wte(buffer + layout.wte.offset), wpe(buffer + layout.wpe.offset), blocks(layout.blocks.size()) {
    const Pointers to{buffer};
    for (std::size_t l = 0; l < blocks.size(); ++l)
      visit(layout.config(), layout.config().layers[l], to, layout.blocks[l], blocks[l]);
    to({}, layout.ln_final, ln_final);
  }

 private:
  struct Pointers {
    Float* buffer;
    void operator()(const BlockPart&, const LinearOf<Location, Location>& from, LinearOf<Float*, Float*>& to) const {
      to = {buffer + from.weight.offset, buffer + from.bias.offset};
    }
    void operator()(const BlockPart&, const NormOf<Location>& from, NormOf<Float*>& to) const {
      to = {buffer + from.gain.offset, buffer + from.bias.offset};
    }
    template <class... Other>
    void operator()(const Other&...) const {}  // a GPT-2 has no more
  };
};

/// GPT-2's initial weights: N(0, 0.02), the projections into the residual stream multiplied by 1/sqrt(2 blocks); gains
/// 1, biases 0.
void initialise(const Layout& layout, std::uint64_t seed, float* buffer);

/// The weights of an opened model. Throws Error{unsupported} for one that is not a GPT-2 with tied embeddings, and the
/// other things that `refuse_untrainable` names.
void load(const Layout& layout, const Model& model, float* buffer);

/// Throws Error{unsupported} for what the backward pass does not support: rotary positions, gated MLPs, untied
/// unembeddings, and activations other than gelu_tanh.
void refuse_untrainable(const Config& config);

}  // namespace embscope
