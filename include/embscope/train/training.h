// Trainer: trains a GPT-2: its parameters, their gradients and AdamW's moments.
// Thread rule: belongs to one thread, and uses all of them. The same steps give the same bits for any number of
// threads.
//
// Memory: 16 bytes per parameter (its value, its gradient, two moments), 8 more for the weights arranged for the matrix
// product, and about 70 bytes per position for each block and each unit of width.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "embscope/model/model.h"

namespace embscope {

/// The configuration of a new GPT-2. Throws Error{usage} if the sizes do not match.
Config gpt2_of(std::int64_t layers, std::int64_t heads, std::int64_t width, std::int64_t context, std::int64_t vocab);

/// B rows of T token ids and, for each, the next token; row-major.
struct Batch {
  std::span<const TokenId> inputs, targets;
  std::int64_t rows = 0, length = 0;
};

/// AdamW (Loshchilov & Hutter 2019) with clipping by the norm of all gradients. Matrices decay; biases and gains do
/// not.
struct AdamW {
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, decay = 0.1;
  double clip = 1;  ///< largest norm of the gradient; 0: no limit
};

/// Dropout of one step: of the embeddings, the attention patterns, and the outputs of attention and the MLP.
struct DropoutStep {
  double rate = 0;
  std::uint64_t key = 0;  ///< the same key drops the same elements
};

class Trainer {
 public:
  /// GPT-2's initial weights: N(0, 0.02), smaller for projections into the residual stream.
  Trainer(const Config& config, std::uint64_t seed);
  /// Starts from a model's weights. Throws Error{unsupported} for a model that is not a GPT-2.
  explicit Trainer(const Model& model);
  ~Trainer();
  Trainer(Trainer&&) noexcept;

  const Config& config() const;
  std::int64_t parameter_count() const;
  std::int64_t steps_done() const;

  /// Mean cross-entropy, in nats. Throws Error{shape} for a batch of wrong sizes, Error{range} for ids out of range.
  double loss(const Batch& batch);
  /// The same, with its gradient for every parameter: the mean over `batches`.
  double gradient(std::span<const Batch> batches, const DropoutStep& dropout = {});
  /// The norm of the gradient, in double. Not a number if the gradient is not finite.
  double gradient_norm() const;
  /// AdamW with the last gradient. Returns the gradient's norm.
  double update(const AdamW& adam, double rate);
  /// Logits [T, V] of one row.
  Tensor logits(std::span<const TokenId> ids);

  /// A parameter by its name in the file ("transformer.h.0.attn.c_attn.weight") and, after `gradient`, its gradient.
  struct Named {
    std::string name;
    Shape shape;
    std::span<float> values, gradient;
  };
  /// Call `changed` after writing to values.
  std::vector<Named> parameters();
  void changed();

  /// Where NaN or infinity occurred first: a site of the last pass, a parameter, or a gradient; empty if nowhere.
  std::string first_not_finite() const;

  /// config.json and model.safetensors, as transformers writes them; each file is complete at any moment.
  void write_model(const std::filesystem::path& folder) const;
  /// Everything that the next step depends on, in one file; `read_state` continues from it, bit for bit.
  /// Throws Error{format} for another kind of file, Error{shape} for a file of another configuration.
  void write_state(const std::filesystem::path& file) const;
  void read_state(const std::filesystem::path& file);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace embscope
