// The weights as the forward pass wants them: matrices where they lie in the file, biases and gains decoded.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "embscope/model/model.h"
#include "kernels/gemm.h"

namespace embscope {

using PackedLinear = LinearOf<Packed, Tensor>;
using PackedNorm = NormOf<Tensor>;
using PackedExpert = ExpertOf<Packed, Tensor>;
using PackedExperts = ExpertsOf<Packed, Tensor>;
using PackedBlock = BlockOf<Packed, Tensor>;

/// Of one product of a batch: y [N, out] with y_stride.
inline Product product_of(const PackedLinear& w, float* y, std::int64_t y_stride) {
  return {&w.weight, w.bias.empty() ? nullptr : w.bias.data(), y, y_stride};
}

/// The head's own bias, [V] or of these tokens; empty when there is none.
Tensor unembedding_bias(const Model& model, const std::vector<TokenId>& tokens);
PackedNorm pack_embedding_norm(const Model& model);

/// One block: its vectors decoded, its matrices named. Throws Error{format} where a gain or bias is NaN or infinite; of
/// matrices, the product does.
PackedBlock pack_block(const Model& model, std::size_t block);
PackedNorm pack_final_norm(const Model& model);

/// The matrix of dy -> dy W: the gradient by a linear map's input.
Packed pack_backward(const Matrix& matrix);

/// The unembedding alone: a request without logits does not prepare it.
Packed pack_unembedding(const Model& model);

/// Of all tensors, as they lie in the model's files.
std::uint64_t stored_bytes(const Model& model);

/// Only the rows of these tokens, in this order.
Packed pack_unembedding(const Model& model, const std::vector<TokenId>& tokens);

/// The weights of one model, each part prepared when a run first comes to it: a run that ends at block 6 reads no
/// seventh. While a block is at work, the next one is read; of a model that is larger than the memory, the block before
/// is released. Any number of threads may ask.
class PackedWeights {
 public:
  explicit PackedWeights(const Model& model);

  const PackedBlock& block(std::size_t l) const {
    bool first = false;
    const PackedBlock& own = blocks_[l].get([&] {
      first = true;
      return pack_block(model_, l);
    });
    if (first || larger_than_memory_) move_on_to(l);
    return own;
  }
  const PackedNorm& ln_final() const {
    return ln_final_.get([&] { return pack_final_norm(model_); });
  }
  const PackedNorm& embedding_norm() const {
    return embedding_norm_.get([&] { return pack_embedding_norm(model_); });
  }
  const Packed& unembedding() const {
    return unembedding_.get([&] { return pack_unembedding(model_); });
  }

 private:
  template <class Part>
  class Lazy {
   public:
    template <class Make>
    const Part& get(Make&& make) {
      std::call_once(once_, [&] { part_ = make(); });
      return part_;
    }

   private:
    std::once_flag once_;
    Part part_;
  };

  void move_on_to(std::size_t l) const;

  const Model& model_;
  const bool larger_than_memory_;
  mutable std::deque<Lazy<PackedBlock>> blocks_;
  mutable Lazy<PackedNorm> ln_final_, embedding_norm_;
  mutable Lazy<Packed> unembedding_;
};

}  // namespace embscope
