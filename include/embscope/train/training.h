// Trainer: a GPT-2 in training: its parameters, their gradients and AdamW's moments.
// Thread rule: belongs to one thread, and uses all of them. The same steps give the same bits for any number of
// threads.
//
// Memory: 16 bytes a parameter (itself, its gradient, two moments), 8 more for the weights as the matrix product wants
// them, and about 70 bytes a position for each block and each unit of width.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "embscope/model/model.h"

namespace embscope {

/// The configuration of a new GPT-2. Throws Error{usage} where the sizes do not fit together.
Config gpt2_of(std::int64_t layers, std::int64_t heads, std::int64_t width, std::int64_t context, std::int64_t vocab);

/// B rows of T token ids and, for each, the one that follows it; row-major.
struct Batch {
  std::span<const TokenId> inputs, targets;
  std::int64_t rows = 0, length = 0;
};

/// AdamW (Loshchilov & Hutter 2019) with clipping by the norm of all gradients. Matrices decay; biases and gains do
/// not.
struct AdamW {
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, decay = 0.1;
  double clip = 1;  ///< largest norm of the gradient; 0: as it is
};

/// Dropout of one step: of the embeddings, the attention patterns, and what attention and the MLP write.
struct DropoutStep {
  double rate = 0;
  std::uint64_t key = 0;  ///< the same key drops the same elements
};

class Trainer {
 public:
  /// GPT-2's initial weights: N(0, 0.02), smaller for maps into the residual stream.
  Trainer(const Config& config, std::uint64_t seed);
  /// Goes on from a model's weights. Throws Error{unsupported} for what is not a GPT-2.
  explicit Trainer(const Model& model);
  ~Trainer();
  Trainer(Trainer&&) noexcept;

  const Config& config() const;
  std::int64_t parameter_count() const;
  std::int64_t steps_done() const;

  /// Mean cross-entropy, in nats. Throws Error{shape} for a batch that does not fit, Error{range} for ids out of range.
  double loss(const Batch& batch);
  /// The same, and its gradient by every parameter: of the mean over `batches`.
  double gradient(std::span<const Batch> batches, const DropoutStep& dropout = {});
  /// The norm of the gradient, in double. Not a number when the gradient is not finite.
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

  /// Where NaN or infinity came up first: a site of the last pass, a parameter, or a gradient; empty when nowhere.
  std::string first_not_finite() const;

  /// config.json and model.safetensors, as transformers writes them; each is whole at any moment.
  void write_model(const std::filesystem::path& folder) const;
  /// Everything that the next step depends on, in one file; `read_state` goes on from it, bit for bit.
  /// Throws Error{format} for what is not such a file, Error{shape} for another configuration's.
  void write_state(const std::filesystem::path& file) const;
  void read_state(const std::filesystem::path& file);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace embscope
