// Model: a language model as it lies on the disk: its Config, its Weights (views into the file) and its Tokenizer.
// Lifetime: a Model holds its archives, so its views live as long as it does. Share it as shared_ptr<const Model>.
// Thread rule: immutable once opened; any number of threads may use one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/files/archive.h"
#include "embscope/tensor/tensor.h"
#include "embscope/text/tokenizer.h"

namespace embscope {

enum class NormKind { layer, rms };
enum class PositionKind { learned, rotary, alibi };
enum class Activation { gelu_tanh, gelu_exact, relu, silu, relu_squared };
enum class QkNorm {
  none,
  heads,
  together
};  ///< of queries and keys: each head by itself, or all values of a position together

/// How a position turns queries and keys: the first 2 * frequencies.size() values of each head.
struct Rope {
  std::vector<double> frequencies;  ///< the angle of pair i at position t is t * frequencies[i]
  double scale = 1;                 ///< of cosines and sines (YaRN's attention factor)
  bool pairs = false;               ///< (2i, 2i + 1) turn together, else (i, i + size)
};

/// What may differ from block to block.
struct Layer {
  int rope = 0;             ///< of Config::ropes; -1: positions turn nothing here
  std::int64_t window = 0;  ///< how many keys a query sees, its own among them; 0: all that came before
  double scale = 1;         ///< on top of Config::attn_scale
};

/// The axes by which architectures differ. Every family is a value of it; `forward` knows only this.
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
  float epsilon = 1e-5f;
  bool norm_before = true;  ///< x + branch(norm(x))
  bool norm_after = false;  ///< x + norm(branch(...))
  bool parallel = false;    ///< both branches read the block's input: x + attention(ln1(x)) + mlp(ln2(x))
  bool one_norm = false;    ///< of parallel branches: the MLP reads ln1's output too
  PositionKind position = PositionKind::learned;
  std::vector<Rope> ropes;
  std::vector<double> alibi_slopes;  ///< [H]: slope times the key's position is added to its score
  std::vector<Layer> layers;         ///< [L]
  float attn_scale = 0;              ///< factor on q.k; 1/sqrt(K) when opened without another
  float score_cap = 0;               ///< scores become cap tanh(score / cap); 0: they stay
  float qkv_clip = 0;                ///< queries, keys and values are brought into -clip..clip; 0: they stay
  QkNorm qk_norm = QkNorm::none;
  NormKind qk_norm_kind = NormKind::rms;
  Activation activation = Activation::gelu_tanh;
  bool gated_mlp = false;  ///< mlp_post = activation(gate(x)) * up(x)
  float embedding_scale = 1;
  bool embedding_norm = false;  ///< between the embedding and the first block
  float residual_scale = 1;     ///< on what each branch adds
  bool tied = true;             ///< the unembedding is wte
  float logit_scale = 1;
  float logit_cap = 0;  ///< logits become cap tanh(logit / cap); 0: they stay
  std::optional<TokenId> bos, eos;
  /// What Hugging Face calls the module whose output a site is, {} for the block; empty where the names of GPT-2 and
  /// Llama hold.
  std::map<std::string, std::string, std::less<>> modules;
};

/// One matrix of the model, [out, in], as it lies in the file.
struct Matrix {
  View view;
  std::int64_t out = 0, in = 0;
  bool input_major = false;  ///< stored [in, columns] (GPT-2's Conv1D) rather than [out, in]
  std::int64_t first = 0;    ///< first output row (or column) of the stored tensor: a slice of a fused one
  /// GGUF stores Q and K of Llama with the halves of each head interleaved: heads to undo it for, or 0.
  std::int64_t rotary_heads = 0;
  /// Outputs that lie in runs of `run` rows, `stride` rows from one to the next: a fused tensor that is sorted by
  /// heads. 0: one run.
  std::int64_t run = 0, stride = 0;
  /// Factors of values of eight bits, one for each block of `scale_rows` x `scale_columns` of the stored tensor; empty
  /// where it has none.
  View scales;
  std::int64_t scale_rows = 1, scale_columns = 1;

  bool empty() const { return view.empty(); }
  /// The row of the tensor that holds output j. Precondition: not input_major.
  std::int64_t stored_row(std::int64_t j) const;
  bool in_order() const { return rotary_heads == 0 && run == 0; }  ///< stored_row(j) = first + j
  /// Weights of output `j`, `in` values, decoded. Precondition: 0 <= j < out.
  void row(std::int64_t j, float* values) const;
  /// values[i] = sum over outputs j of weights[j] * row(j)[i], in double, j in order: `out` weights -> `in` values.
  void combine(const double* weights, double* values) const;
};

/// A bias or gain: `count` values starting at `first` of an fp32-decodable vector, in the order of a Matrix's outputs.
/// Empty when the model has none.
struct Vector {
  View view;
  std::int64_t first = 0, count = 0;
  std::int64_t rotary_heads = 0, run = 0, stride = 0;
  float plus = 0;  ///< Gemma's gains are kept less 1
  bool empty() const { return view.empty(); }
  Tensor values() const;  ///< decoded, [count]
};

/// Both are empty where a norm only normalises.
struct Norm {
  Vector gain, bias;
};

struct BlockWeights {
  Norm ln1, ln2;            ///< before attention and MLP
  Norm ln1_post, ln2_post;  ///< after them
  Norm q_norm, k_norm;      ///< [K], one for all heads; [H*K] and [KV*K], one for each or over all
  Matrix q, k, v, o;        ///< [H*K, D], [KV*K, D], [KV*K, D], [D, H*K]
  Vector q_bias, k_bias, v_bias, o_bias;
  Matrix gate, up, down;  ///< gate is empty unless gated_mlp; up [F, D]; down [D, F]
  Vector gate_bias, up_bias, down_bias;
};

struct Weights {
  Matrix wte, wpe, unembed;  ///< [V, D]; [context, D] (empty when rotary); [V, D] (wte's own view when tied)
  Norm embedding_norm;
  std::vector<BlockWeights> blocks;
  Norm ln_final;
  Vector unembed_bias;  ///< [V]
};

class Model {
 public:
  /// Opens a folder in Hugging Face's layout, a .safetensors beside its config.json, a .gguf, or a name in the cache
  /// ("smollm2", "gpt2"). Every tensor's dtype and shape is checked against the Config, with expected beside found.
  /// `around`: texts are given to the model between the tokens that its tokenizer puts around them (a beginning of
  /// text). Throws Error{not_found, format, unsupported, shape, io}.
  static std::shared_ptr<const Model> open(const std::string& path_or_name, bool around = true);

  const Config& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  const Tokenizer& tokenizer()
      const;  ///< built on first use; throws Error{not_found} where the files hold none, or why it cannot be read
  bool has_tokenizer() const;  ///< one that can be read
  std::string tokenizer_problem()
      const;  ///< why the one beside the model cannot be read; empty where it can, or there is none
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
  void read_tokenizer() const;
  friend struct ModelOpener;
  Config config_;
  Weights weights_;
  std::string name_;
  std::filesystem::path path_;
  std::vector<std::shared_ptr<const Archive>> archives_;
  std::function<TokenizerSpec()> tokenizer_source_;
  bool around_ = true;
  mutable std::unique_ptr<Tokenizer> tokenizer_;
  mutable std::unique_ptr<Error> tokenizer_error_;
  mutable std::shared_ptr<void> tokenizer_once_;
};

/// A tokenizer alone: a folder with tokenizer.json or vocab.json + merges.txt (also encoder.json + vocab.bpe), one of
/// these files, a .gguf, or a name in the cache ("gpt2"). Throws as Model::open does.
std::shared_ptr<const Tokenizer> open_tokenizer(const std::string& path_or_name);

/// Where fetched models lie: $EMBSCOPE_CACHE, else $XDG_CACHE_HOME/embscope, else ~/.cache/embscope.
std::filesystem::path cache_folder();

/// The file or folder that a path or a name stands for: the path itself where there is one; cache/models/NAME; the
/// Hugging Face hub's cache ($HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub),
/// in which refs/main names the snapshot, and NAME@REVISION another (a branch, a tag, a hash or the beginning of one).
/// What is whole comes before what is not. Throws Error{not_found} with the names there are and how to `pull`,
/// Error{usage} where several are meant.
std::filesystem::path find_model(const std::string& path_or_name);

}  // namespace embscope
