// GPT-2's forward and backward pass over a batch, for training: all rows have equal length, and every activation that
// the gradient needs is stored. Its logits are those of the inference pass, bit for bit.
//
// Work is split by rows of the batch's positions in chunks of fixed size, by heads and by parts of weight matrices;
// every sum has a fixed order. The same gradients, bit for bit, for any number of threads.
#pragma once

#include <span>
#include <vector>

#include "embscope/train/training.h"
#include "kernels/backward.h"
#include "kernels/gemm.h"
#include "train/attention.h"
#include "train/parameters.h"

namespace embscope {

class Network {
 public:
  explicit Network(const Config& config);

  /// Rearranges the weights for the matrix product. Call it after every change of the weights.
  void pack(const Parts<const float>& weights);

  /// Mean cross-entropy of the batch's targets. Precondition: `pack` was called with these weights.
  double loss(const Parts<const float>& weights, const Batch& batch);

  struct Step {
    float rate = 0;         ///< of dropout
    std::uint64_t key = 0;  ///< of this step's dropout
    float factor = 1;       ///< of the loss: 1 / number of batches that are added up
    bool add = false;       ///< to the gradients of batches before
  };
  /// The loss, and its gradient by every parameter.
  double backward(const Parts<const float>& weights, const Batch& batch, const Step& step,
                  const Parts<float>& gradients);

  /// The logits [T, V] of one row: what `loss` saw. For tests.
  Tensor logits(const Parts<const float>& weights, std::span<const TokenId> ids);

  /// The first activation of the last pass that is NaN or infinite, as a site's name; empty when all are finite.
  std::string first_bad_site() const;

 private:
  using BlockParts = BlockOf<const float*, const float*>;
  using BlockGradients = BlockOf<float*, float*>;
  struct PackedMaps {
    Packed qkv, o, up, down;                      // of the forward pass: [out, in]
    Packed qkv_back, o_back, up_back, down_back;  // [in, out]
  };
  struct Normed {
    Tensor mean, scale;  // [N]
  };
  struct Kept {  // of one block, [N, ...]
    Tensor x, ln1, qkv, z, mid, ln2, pre, post;
    Normed norm1, norm2;
  };
  struct Chunk {
    std::int64_t begin, end;
  };

  void reserve(const Batch& batch, bool gradients);
  void forward(const Parts<const float>& w, const Batch& batch, const Step& step);
  void embed(const Parts<const float>& w, const Batch& batch, const Step& step, Chunk rows);
  void norm(const float* gain, const float* bias, const Tensor& x, Normed& kept, Tensor& y, Chunk rows) const;
  void read(std::size_t l, const BlockParts& w, Chunk rows);
  void attend(std::size_t l, const Step& step);
  void write(std::size_t l, const BlockParts& w, const Step& step, Chunk rows);
  double head(const Parts<const float>& w, const Batch& batch, const Step& step, const Parts<float>* gradients);
  void head_rows(const Batch& batch, const Step& step, Chunk rows, std::int64_t first, bool backward);
  void write_backward(std::size_t l, const BlockParts& w, const Step& step, Chunk rows);
  void attend_backward(std::size_t l, const Step& step);
  void read_backward(std::size_t l, const BlockParts& w, Chunk rows);
  void block_backward(std::size_t l, const Parts<const float>& w, const Step& step, const BlockGradients& g);
  void embed_backward(const Batch& batch, const Step& step, const Parts<float>& g);
  void add_norm_gradients(const Tensor& shares, float* dgain, float* dbias, bool add) const;
  HeadPass head_pass(std::size_t l, std::int64_t task, const Step& step) const;
  float* norm_share(Tensor& shares, Chunk rows) const;
  Tensor& stream(std::size_t l);
  template <class F>
  void for_chunks(F&& body) const;

  Config config_;
  std::vector<PackedMaps> packed_;
  Packed unembed_, unembed_back_;
  std::int64_t rows_ = 0, length_ = 0;  // B, T
  std::vector<Kept> kept_;
  Tensor last_, last_normed_;  // the residual stream after the last block; ln_final
  Normed norm_final_;
  Tensor out_, logits_;  // what a block's part writes; logits of a group of rows
  std::vector<double> losses_;
  // Gradients by: the residual stream, what the MLP and attention wrote, mlp_pre, z, queries-keys-values, a norm's
  // output; each chunk's share of a norm's gain and bias, [chunks, 2, D].
  Tensor dx_, dmlp_, dattn_, dpre_, dz_, dqkv_, dnormed_;
  Tensor shares1_, shares2_, shares_final_;
};

}  // namespace embscope
