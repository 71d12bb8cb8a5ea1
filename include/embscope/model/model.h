// Model: a language model as it is stored on disk: its Config, its Weights (views into the file) and its Tokenizer.
// Lifetime: a Model holds its archives, so its views live as long as it does. Share it as shared_ptr<const Model>.
// Thread rule: immutable once opened; any number of threads may use one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/files/archive.h"
#include "embscope/tensor/tensor.h"
#include "embscope/text/tokenizer.h"

namespace embscope {

enum class NormKind { layer, rms };
enum class PositionKind { learned, rotary, alibi };
enum class Activation { gelu_tanh, gelu_exact, relu, silu, relu_squared, xielu };
enum class QkNorm {
  none,
  heads,
  together
};  ///< norms of queries and keys: for each head separately, or for all values of a position together

/// How a position rotates queries and keys: the first 2 * frequencies.size() values of each head.
struct Rope {
  std::vector<double> frequencies;  ///< the angle of pair i at position t is t * frequencies[i]
  double scale = 1;                 ///< factor of cosines and sines (YaRN's attention factor)
  bool pairs = false;               ///< values 2i and 2i + 1 are rotated together, otherwise i and i + size
  std::int64_t first = 0;           ///< values of a head before this one are not rotated (latent attention)
  bool partly = false;              ///< frequencies may be 0: those values are not rotated
};

/// The numbers of xIELU (Huang and Schlag 2024), which are trained: p x^2 + beta x above 0, and
/// n (e^min(x, epsilon) - 1 - x) + beta x below.
struct Xielu {
  float p = 1, n = 1, beta = 0.5f, epsilon = -1e-6f;
};

/// Properties that may differ from block to block.
struct Layer {
  int rope = 0;             ///< index into Config::ropes; -1: no rotation in this block
  std::int64_t window = 0;  ///< number of keys that a query attends to, including its own; 0: all before it
  double scale = 1;         ///< multiplied with Config::attn_scale
  std::int64_t chunk = 0;   ///< a query attends only to keys of its own run of this many positions; 0: no runs
  bool grows = false;       ///< whether Config::growth applies
  bool experts = false;     ///< whether Config::experts replace the MLP, or stand beside it
  Xielu xielu;              ///< where that is the activation
  std::int64_t kv_heads = 0, head_width = 0, value_width = 0, mlp_width = 0;  ///< opening fills in Config's for 0
  int keys_of = -1;             ///< the block whose keys and values this one reads; -1: its own
  bool values_of_keys = false;  ///< values are what keys are before their norm and rotation
  float out_scale = 1;          ///< of the residual stream behind the block
};

/// Of a router's logits. sparse_mixer (Liu et al. 2024): its probabilities are the logits, and the weight of each
/// chosen expert is its part of a softmax over those that are near it, without those that were chosen before.
enum class RouterKind { softmax, sigmoid, sparse_mixer };

/// A mixture of experts (Shazeer et al. 2017): each position is given to the MLPs that a router chooses.
struct Experts {
  std::int64_t count = 0;         ///< E; 0: the model has none
  std::int64_t chosen = 0;        ///< by each position
  std::int64_t width = 0;         ///< of each, in place of F
  std::int64_t shared_width = 0;  ///< of the MLP beside them that every position goes through; 0: there is none
  RouterKind router = RouterKind::softmax;
  bool normalised = false;  ///< the weights of the chosen are divided by their sum
  float scale = 1;          ///< on the weights
  float nearness = 0;       ///< of sparse_mixer: how much less than the best, in parts of it, an expert may have
  bool of_input = false;    ///< the weights are factors of what the experts read, not of what they give
  std::int64_t groups = 1, groups_chosen = 1;  ///< experts are chosen from the best of equal groups
  int group_best = 1;                          ///< a group counts as much as its best one, or its best two together
  /// The MLP stays, and what both give is added: experts and router read resid_mid, each through a norm of its own.
  bool beside = false;
  float limit = 0;  ///< min(g, limit) sigmoid(alpha g) (clamp(u) + 1) in place of the gated activation; 0: not
  float alpha = 1.702f;
};

/// Latent attention (DeepSeek-AI 2024): queries, and keys with values, are made of normed vectors of few values.
struct Latents {
  std::int64_t query_rank = 0;  ///< 0: queries are made of the block's input
  std::int64_t rank = 0;        ///< of keys and values; 0: the model has no latents
  std::int64_t turned = 0;      ///< the values of a key that are rotated; all heads share them
  float epsilon = 1e-6f;        ///< of the latents' RMSNorm
};

/// Per-layer embeddings (Gemma Team 2025): behind its MLP a block adds what it makes of a vector [P] of its own for
/// each position: of the token's row for this block, and of the embedding.
struct PerLayer {
  std::int64_t width = 0;  ///< P; 0: the model has none
  float row_scale = 1;     ///< of the token's row
  float made_scale = 1;    ///< of what is made of the embedding, before its norm
  float sum_scale = 1;     ///< of the sum of both
};

/// The properties in which architectures differ. Every family is a value of Config; `forward` uses only this.
struct Config {
  std::string family;            ///< "gpt2", "llama": for display; no code branches on it after opening
  std::int64_t vocab = 0;        ///< V, rows of wte
  std::int64_t width = 0;        ///< D
  std::int64_t blocks = 0;       ///< L
  std::int64_t heads = 0;        ///< H
  std::int64_t kv_heads = 0;     ///< key-value heads; divides `heads`; as the next three, of layers that say no other
  std::int64_t head_width = 0;   ///< K
  std::int64_t value_width = 0;  ///< of a value; K unless latent attention makes it another
  std::int64_t mlp_width = 0;    ///< F, of blocks without experts
  Experts experts;
  Latents latents;
  PerLayer per_layer;
  std::int64_t context = 0;  ///< longest text in tokens
  NormKind norm = NormKind::layer;
  float epsilon = 1e-5f;
  bool norm_before = true;  ///< x + branch(norm(x))
  bool norm_after = false;  ///< x + norm(branch(...))
  bool norm_sums = false;   ///< norm(x + branch(x)), which neither of these then is
  bool parallel = false;    ///< both branches read the block's input: x + attention(ln1(x)) + mlp(ln2(x))
  bool one_norm = false;    ///< for parallel branches: the MLP also reads ln1's output
  PositionKind position = PositionKind::learned;
  std::vector<Rope> ropes;
  std::vector<double> alibi_slopes;  ///< [H]: slope times the key's position is added to its score
  std::vector<Layer> layers;         ///< [L]
  float attn_scale = 0;              ///< factor of q.k; 1/sqrt(K) by default
  float score_cap = 0;               ///< scores become cap tanh(score / cap); 0: no cap
  bool sinks = false;                ///< a logit of each head to which no key belongs takes its share of the pattern
  float qkv_clip = 0;                ///< queries, keys and values are limited to -clip..clip; 0: no limit
  bool clip_after_norm = false;      ///< of queries and keys, where they are normed
  bool qk_norm_after = false;        ///< after the rotation
  bool alibi_rounded = false;        ///< slopes, and what they add, are rounded to bfloat16
  /// Queries times 1 + growth log(1 + floor((position + growth_first) / growth_span)), where Layer::grows.
  double growth = 0;
  std::int64_t growth_first = 0, growth_span = 1;
  QkNorm qk_norm = QkNorm::none;
  NormKind qk_norm_kind = NormKind::rms;
  bool v_norm = false;  ///< values too, head by head, as RMSNorm does and without a gain
  Activation activation = Activation::gelu_tanh;
  bool gated_mlp = false;  ///< mlp_post = activation(gate(x)) * up(x)
  float embedding_scale = 1;
  bool embedding_norm = false;  ///< between the embedding and the first block
  bool final_norm = true;       ///< between the last block and the unembedding
  float residual_scale = 1;     ///< factor of the output of each branch
  bool tied = true;             ///< the unembedding is wte
  float logit_scale = 1;
  float logit_cap = 0;  ///< logits become cap tanh(logit / cap); 0: no cap
  std::optional<TokenId> bos, eos;
  std::set<TokenId> ends;  ///< further tokens at which a text ends
  /// Hugging Face's name of the module whose output is a site, with {} for the block; empty if the names of GPT-2 and
  /// Llama apply.
  std::map<std::string, std::string, std::less<>> modules;
};

/// One matrix of the model, [out, in], as it is stored in the file.
struct Matrix {
  View view;
  std::int64_t out = 0, in = 0;
  bool input_major = false;  ///< stored [in, columns] (GPT-2's Conv1D) rather than [out, in]
  std::int64_t first = 0;    ///< first output row (or column) of the stored tensor: a slice of a fused one
  /// GGUF stores Q and K of Llama with the halves of each head interleaved: the number of heads to de-interleave, or 0.
  std::int64_t rotary_heads = 0;
  /// Outputs in runs of `run` rows, with `stride` rows from the start of one run to the next: a fused tensor that is
  /// sorted by heads. 0: one run.
  std::int64_t run = 0, stride = 0;
  /// Factors of values of eight bits, one for each block of `scale_rows` x `scale_columns` of the stored tensor; empty
  /// where it has none.
  View scales;
  std::int64_t scale_rows = 1, scale_columns = 1;

  bool empty() const { return view.empty(); }
  /// The row of the tensor with output j. Precondition: not input_major.
  std::int64_t stored_row(std::int64_t j) const;
  bool in_order() const { return rotary_heads == 0 && run == 0; }  ///< stored_row(j) = first + j
  /// Weights of output `j`, `in` values, decoded. Precondition: 0 <= j < out.
  void row(std::int64_t j, float* values) const;
  /// values[i] = sum over outputs j of weights[j] * row(j)[i], in double, j in order: `out` weights -> `in` values.
  void combine(const double* weights, double* values) const;
};

/// A bias or gain: `count` values starting at `first` of an fp32-decodable vector, in the order of a Matrix's outputs.
/// Empty if the model has none.
struct Vector {
  View view;
  std::int64_t first = 0, count = 0;
  std::int64_t rotary_heads = 0, run = 0, stride = 0;
  float plus = 0;  ///< added to the values: Gemma stores gains minus 1
  bool empty() const { return view.empty(); }
  Tensor values() const;  ///< decoded, [count]
};

/// y = x W^T + bias. The templates say once what a block consists of: M and V are a Matrix and a Vector of the file, or
/// what a room makes of them (forward/weights, train/parameters); model/block.h visits all of them.
template <class M, class V>
struct LinearOf {
  M weight;
  V bias;  ///< empty if there is none
};

/// Both are empty for a norm that only normalises.
template <class V>
struct NormOf {
  V gain, bias;
};

template <class M, class V>
struct ExpertOf {
  LinearOf<M, V> gate, up, down;  ///< [F, D], [F, D], [D, F]; up empty: gate [2F, D] has rows of both in turn
};

template <class M, class V>
struct ExpertsOf {
  LinearOf<M, V> router;  ///< [E, D]
  V correction;           ///< [E]: chooses and does not weigh
  V scales;               ///< [E]: factors of their weights
  std::vector<ExpertOf<M, V>> each;
  NormOf<V> ln, router_ln, ln_post, mlp_post;  ///< beside an MLP: before experts and router; after experts and MLP
  ExpertOf<M, V> shared;
  LinearOf<M, V> shared_gate;  ///< [1, D]: its sigmoid is a factor of what the shared expert gives
};

template <class M, class V>
struct BlockOf {
  NormOf<V> ln1, ln2;                  ///< before attention and MLP
  NormOf<V> ln1_post, ln2_post;        ///< after them
  NormOf<V> q_norm, k_norm;            ///< [K], one for all heads; [H*K] and [KV*K], one for each or over all
  LinearOf<M, V> q, k, v, o;           ///< [H*K, D], [KV*K, D], [KV*K, D], [D, H*K]
  LinearOf<M, V> q_latent, kv_latent;  ///< [rank, D]; [rank + turned, D]; then q, k and v are made of the ranks
  NormOf<V> q_latent_norm, kv_latent_norm;
  V sinks;                        ///< [H]
  LinearOf<M, V> gate, up, down;  ///< gate is empty unless gated_mlp; up [F, D]; down [D, F]
  ExpertsOf<M, V> experts;        ///< in place of these where Layer::experts
  /// Of per-layer embeddings: [P, D] and [P], of what is made of the embedding; [P, D], [D, P] and [D], of the branch.
  LinearOf<M, V> per_layer_in;
  NormOf<V> per_layer_ln;
  LinearOf<M, V> per_layer_gate, per_layer_out;
  NormOf<V> per_layer_post;
};

using Linear = LinearOf<Matrix, Vector>;
using Norm = NormOf<Vector>;
using Expert = ExpertOf<Matrix, Vector>;
using ExpertWeights = ExpertsOf<Matrix, Vector>;
using BlockWeights = BlockOf<Matrix, Vector>;

struct Weights {
  Matrix wte, wpe, unembed;  ///< [V, D]; [context, D] (empty when rotary); [V, D] (wte's own view when tied)
  Matrix per_layer;          ///< [V * L, P]: a token's row for block l is row token * L + l
  Norm embedding_norm;
  std::vector<BlockWeights> blocks;
  Norm ln_final;
  Vector unembed_bias;                              ///< [V]
  std::vector<std::shared_ptr<const Tensor>> made;  ///< what is no tensor of the file, and views lead to
};

class Model {
 public:
  /// Opens a folder in Hugging Face's layout, a .safetensors beside its config.json, a .gguf, or a name in the cache
  /// ("smollm2", "gpt2"). Every tensor's dtype and shape is checked against the Config, with expected beside found.
  /// `around`: texts get the tokens that the tokenizer adds before and after them (a beginning of text). Throws
  /// Error{not_found, format, unsupported, shape, io}.
  static std::shared_ptr<const Model> open(const std::string& path_or_name, bool around = true);

  const Config& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  const Tokenizer& tokenizer() const;     ///< built on first use; throws Error{not_found} if the files contain none, or
                                          ///< the reason why it cannot be read
  bool has_tokenizer() const;             ///< whether it has a tokenizer that can be read
  std::string tokenizer_problem() const;  ///< why the tokenizer cannot be read; empty if it can, or if there is none
  /// A readable name for a token: Tokenizer::label, or "<7>" for an id without one (padding rows of wte, no tokenizer).
  std::string label(TokenId id) const;
  const std::string& name() const { return name_; }  ///< for display and file names
  const std::filesystem::path& path() const { return path_; }
  const std::vector<std::shared_ptr<const Archive>>& archives() const { return archives_; }

  /// The embedding vector of a token, [D]. Reads only that row. Throws Error{range}.
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

/// A tokenizer without a model: a folder with tokenizer.json or vocab.json + merges.txt (also encoder.json +
/// vocab.bpe), one of these files, a .gguf, or a name in the cache ("gpt2"). Throws as Model::open does.
std::shared_ptr<const Tokenizer> open_tokenizer(const std::string& path_or_name);

/// The folder of downloaded models: $EMBSCOPE_CACHE, or else $XDG_CACHE_HOME/embscope, or else ~/.cache/embscope.
std::filesystem::path cache_folder();

/// The file or folder of a path or a name: the path itself if it exists; cache/models/NAME; the Hugging Face hub's
/// cache ($HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub), in which refs/main
/// names the snapshot, and NAME@REVISION another (a branch, a tag, a hash or the beginning of one). Complete models
/// come before incomplete ones. Throws Error{not_found} that lists the names and how to `pull`, Error{usage} if several
/// match.
std::filesystem::path find_model(const std::string& path_or_name);

}  // namespace embscope
