// Model: a language model as it lies on the disk: its Config, its Weights (views into the file) and its Tokenizer.
// Lifetime: a Model holds its archives, so its views live as long as it does. Share it as shared_ptr<const Model>.
// Thread rule: immutable once opened; any number of threads may use one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/archive.h"
#include "embscope/tensor.h"
#include "embscope/tokenizer.h"

namespace embscope {

enum class NormKind { layer, rms };
enum class PositionKind { learned, rotary };
enum class Activation { gelu_tanh, gelu_exact, relu, silu };

/// The axes by which architectures differ. GPT-2 and Llama are two values of it; `forward` knows only this.
struct Config {
  std::string family;           ///< "gpt2", "llama": for people; nothing branches on it after opening
  std::int64_t vocab = 0;       ///< V, rows of wte
  std::int64_t width = 0;       ///< D
  std::int64_t blocks = 0;      ///< L
  std::int64_t heads = 0;       ///< H
  std::int64_t kv_heads = 0;    ///< key-value heads; divides `heads`
  std::int64_t head_width = 0;  ///< K
  std::int64_t mlp_width = 0;   ///< F
  std::int64_t context = 0;     ///< longest text in tokens
  NormKind norm = NormKind::layer;
  PositionKind position = PositionKind::learned;
  Activation activation = Activation::gelu_tanh;
  bool gated_mlp = false;  ///< mlp_post = activation(gate(x)) * up(x)
  bool tied = true;        ///< the unembedding is wte
  float epsilon = 1e-5f;
  float attn_scale = 0;  ///< factor on q.k; 1/sqrt(K) when opened without another
  /// Per-pair rotary frequencies, K/2 of them: the angle of pair i at position t is t * rope_frequencies[i].
  std::vector<double> rope_frequencies;
  std::optional<TokenId> bos, eos;
};

/// One matrix of the model, [out, in], as it lies in the file.
struct Matrix {
  View view;
  std::int64_t out = 0, in = 0;
  bool input_major = false;  ///< stored [in, columns] (GPT-2's Conv1D) rather than [out, in]
  std::int64_t first = 0;    ///< first output row (or column) of the stored tensor: a slice of a fused one
  /// GGUF stores Q and K of Llama with the halves of each head interleaved: heads to undo it for, or 0.
  std::int64_t rotary_heads = 0;

  bool empty() const { return view.empty(); }
  /// The row of the tensor that holds output j. Precondition: not input_major.
  std::int64_t stored_row(std::int64_t j) const;
  /// Weights of output `j`, `in` values, decoded. Precondition: 0 <= j < out.
  void row(std::int64_t j, float* values) const;
  /// values[i] = sum over outputs j of weights[j] * row(j)[i], in double, j in order: `out` weights -> `in` values.
  void combine(const double* weights, double* values) const;
};

/// A bias or gain: `count` values starting at `first` of an fp32-decodable vector. Empty when the model has none.
struct Vector {
  View view;
  std::int64_t first = 0, count = 0;
  bool empty() const { return view.empty(); }
  Tensor values() const;  ///< decoded, [count]
};

struct Norm {
  Vector gain, bias;
};

struct BlockWeights {
  Norm ln1, ln2;
  Matrix q, k, v, o;  ///< [H*K, D], [KV*K, D], [KV*K, D], [D, H*K]
  Vector q_bias, k_bias, v_bias, o_bias;
  Matrix gate, up, down;  ///< gate is empty unless gated_mlp; up [F, D]; down [D, F]
  Vector gate_bias, up_bias, down_bias;
};

struct Weights {
  Matrix wte, wpe, unembed;  ///< [V, D]; [context, D] (empty when rotary); [V, D] (wte's own view when tied)
  std::vector<BlockWeights> blocks;
  Norm ln_final;
};

class Model {
 public:
  /// Opens a folder in Hugging Face's layout, a .safetensors beside its config.json, a .gguf, or a name in the cache
  /// ("smollm2", "gpt2"). Every tensor's dtype and shape is checked against the Config, with expected beside found.
  /// Throws Error{not_found, format, unsupported, shape, io}.
  static std::shared_ptr<const Model> open(const std::string& path_or_name);

  const Config& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  const Tokenizer& tokenizer() const;  ///< built on first use; throws Error{not_found} where the files hold none
  bool has_tokenizer() const;
  /// A readable name for a token: Tokenizer::label, or "<7>" for an id without one (padding rows of wte, no tokenizer).
  std::string label(TokenId id) const;
  const std::string& name() const { return name_; }  ///< for people and file names
  const std::filesystem::path& path() const { return path_; }
  const std::vector<std::shared_ptr<const Archive>>& archives() const { return archives_; }

  /// The embedding vector of a token, [D]. Reads that row only. Throws Error{range}.
  Tensor embedding(TokenId id) const;

  Model(const Model&) = delete;

 private:
  Model() = default;
  friend struct ModelOpener;
  Config config_;
  Weights weights_;
  std::string name_;
  std::filesystem::path path_;
  std::vector<std::shared_ptr<const Archive>> archives_;
  std::function<TokenizerSpec()> tokenizer_source_;
  mutable std::unique_ptr<Tokenizer> tokenizer_;
  mutable std::shared_ptr<void> tokenizer_once_;
};

/// A tokenizer alone: a folder with tokenizer.json or vocab.json + merges.txt (also encoder.json + vocab.bpe), one of these
/// files, a .gguf, or a name in the cache ("gpt2"). Throws as Model::open does.
std::shared_ptr<const Tokenizer> open_tokenizer(const std::string& path_or_name);

/// Where fetched models lie: $EMBSCOPE_CACHE, else $XDG_CACHE_HOME/embscope, else ~/.cache/embscope.
std::filesystem::path cache_folder();

/// The file or folder that a path or a name stands for: the path itself where there is one; cache/models/NAME; the Hugging Face
/// hub's cache ($HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub), in which refs/main
/// names the snapshot, and NAME@REVISION another (a branch, a tag, a hash or the beginning of one). What is whole comes before
/// what is not. Throws Error{not_found} with the names there are and how to `pull`, Error{usage} where several are meant.
std::filesystem::path find_model(const std::string& path_or_name);

}  // namespace embscope
