// What is particular to each family of models: where its configuration lies and what its files call the weights.
#pragma once

#include <algorithm>
#include <functional>

#include "embscope/model/model.h"
#include "files/json.h"
#include "model/keys.h"
#include "model/tensors.h"

namespace embscope {

/// How a file keeps queries, keys and values: three tensors, one after another in one tensor, or in one tensor that is
/// sorted by key-value heads, each with its queries before it.
enum class Fused { none, stacked, by_heads, in_quarters };

/// Positions that are no tensor but sines, then cosines, of 10000^(-i/n): n is the number of them (Vaswani et al.
/// 2017), or one less (fairseq).
enum class Sinusoidal { none, vaswani, fairseq };

/// What a file calls the parts of a mixture of experts, below the block. Whether there is a tensor for each expert
/// ("{}" is its number) or one of all [E, ...], the file decides.
struct ExpertNames {
  std::string_view router = "mlp.gate", correction;  ///< correction: a whole name
  std::string_view each = "mlp.experts.{}.", gate = "gate_proj", up = "up_proj", down = "down_proj";
  /// Whole names of tensors of all experts: gate and up in one or in two, and what a bias has behind.
  std::string_view gate_up_of_all = "mlp.experts.gate_up_proj", gate_of_all, up_of_all;
  std::string_view down_of_all = "mlp.experts.down_proj", bias_of_all = "_bias";
  /// "mlp.shared_experts."; shared_gate_up: in place of both, the gate's rows first.
  std::string_view shared, shared_up = "up_proj", shared_gate = "gate_proj", shared_down = "down_proj", shared_gate_up;
  std::string_view shared_factor;  ///< a whole module: what the shared expert gives times its sigmoid
  /// Beside an MLP: norms of what the experts read, of what they give, of what the MLP gives; and whole names, of the
  /// gains of what the router reads and of factors of the weights.
  std::string_view ln, ln_post, mlp_post, router_gains, scales;
  bool router_bias = false, biases = false;
  bool input_major = false;       ///< of all: [E, in, out]
  bool below_each_other = false;  ///< of all: [E * F, D], each expert's `down` by its inputs
  bool in_turn = false;           ///< gate_up_of_all has an output of each in turn, else the gate's first
};

/// What Hugging Face's files call the weights, and which of them there are. A name left empty: this family has no such
/// tensor.
struct Names {
  std::string_view root = "model.", block = "layers.{}.";
  std::string_view wte = "embed_tokens", wpe, embedding_norm, ln_final = "norm", head = "lm_head";
  std::string_view ln1 = "input_layernorm", ln2 = "post_attention_layernorm", ln1_post, ln2_post;
  std::string_view q = "self_attn.q_proj", k = "self_attn.k_proj", v = "self_attn.v_proj", qkv, o = "self_attn.o_proj",
                   q_norm, k_norm;
  std::string_view gate = "mlp.gate_proj", up = "mlp.up_proj", gate_up, down = "mlp.down_proj";
  std::string_view attention = "self_attn", mlp = "mlp";                    ///< the modules of the two branches
  std::string_view q_latent, q_latent_norm, kv_latent, kv_latent_norm, kv;  ///< kv: keys and values, sorted by heads
  std::string_view k_of_latent,
      v_of_latent;                    ///< in place of kv: [H, rank, own], each head's transposed; [H, values, rank]
  std::string_view xielu;             ///< the module of its numbers
  std::string_view sinks, out_scale;  ///< whole names
  std::string_view per_layer, per_layer_in, per_layer_ln;  ///< per-layer embeddings, of all blocks, below the root
  std::string_view per_layer_gate, per_layer_out, per_layer_post;
  /// Rows of the embedding have this width and are made as wide as the model by a matrix; before the head another one
  /// makes them as narrow again. 0: they are as wide as the model.
  std::int64_t projected = 0;
  std::string_view projection_in = "project_in", projection_out = "project_out";
  std::int64_t predicting_blocks = 0;  ///< after the last one, for training alone: left unread
  ExpertNames experts;
  ExpertNames other_experts{.router = ""};  ///< where the router of these is in the file in place of the other's
  Fused fused = Fused::none;
  bool input_major = false;      ///< Conv1D: [in, out]
  bool in_site_table = false;    ///< GPT-2's, Llama's and GGUF's names are in forward/site's table already
  bool interleaved = false;      ///< GGUF's Llama: the halves of each head of queries and keys
  bool optional_biases = false;  ///< those that the file has
  bool unit_head = false;        ///< rows of the unembedding are divided by their length
  bool norm_gain = true, norm_bias = false, qk_bias = false;
  bool qkv_bias = false, o_bias = false, mlp_bias = false, head_bias = false;
  Sinusoidal sinusoidal = Sinusoidal::none;
  std::int64_t first_position = 0;  ///< row of wpe that position 0 has
  float norm_plus = 0;              ///< added to gains
};

/// Fills the Config and the Names from config.json. What both have by default is Llama's.
using ReadConfig = void (*)(const Keys& keys, Config& config, Names& names);

struct Family {
  std::string_view model_type;  ///< empty, as the reader, where only GGUF has it
  ReadConfig read;
  std::string_view name;  ///< for people
  std::string_view gguf;  ///< its architecture in GGUF; empty where those files do not open
};
/// Why a model_type is out of scope ("recurrent"), or nothing where it is not known.
std::string_view out_of_scope(std::string_view model_type);
/// A model of texts and images, and the type of its text model, whose keys are in text_config, or `flat` beside the
/// others.
struct Wrapper {
  std::string_view model_type, text;
  bool flat = false;
};
const Wrapper* find_wrapper(std::string_view model_type);
/// What a model of texts and images has beside its text model: "vision_tower." and so on.
bool beside_text(std::string_view tensor);
const Family* find_family(std::string_view model_type);

void read_gpt2(const Keys&, Config&, Names&);
Names gpt2_names();
void read_llama(const Keys&, Config&, Names&);

/// The weights by their names; `config.tied` and `config.modules` are filled in. Throws what Tensors throws.
Weights load_weights(Config& config, const Names& names, const Tensors& tensors);

/// The same from GGUF's metadata.
void read_gguf(const Metadata& meta, Config& config, Names& names);
std::vector<std::string_view> gguf_architectures();  ///< that open

/// Width, blocks, heads, MLP, context, activation, tying and rotary positions as Llama's keys say them.
struct LlamaDefaults {
  bool tied = false;
  double theta = 10000, epsilon = 1e-6, partial = 1;
  bool partial_allowed = false, pairs = false;
  std::int64_t head_width = 0, kv_heads = 0;  ///< 0: width / heads; heads
  std::string_view activation = "silu", activation_key = "hidden_act", epsilon_key = "rms_norm_eps",
                   blocks_key = "num_hidden_layers";
  std::int64_t vocab = 0, heads = 0, context = 2048;  ///< where the configuration does not say it; 0: it must
  double local_theta = 0;                             ///< of blocks with windows; 0: theta
  bool alpha = false, growth = false, mscale = false, sections = false;  ///< as RopeDefaults has them
};
void read_llama_keys(const Keys& keys, Config& config, const LlamaDefaults& defaults = {});

/// xIELU's numbers as they are trained: logarithms of e^p - 1 and e^(n - beta) - 1.
Xielu xielu_of(double p, double n, double beta, double epsilon);

/// One rotation for all blocks, from rope_theta and its scaling.
void read_one_rope(const Keys& keys, Config& config, const LlamaDefaults& defaults);

/// A list of a word for each block; empty where the key is absent or null. Throws Error{format} for another number.
std::vector<std::string_view> kinds_of_blocks(const Keys& keys, std::string_view key, const Config& config);

/// layer_types, or else a window in the blocks that `windowed` says.
void read_windows(const Keys& keys, Config& config, std::int64_t window,
                  const std::function<bool(std::int64_t)>& windowed);

/// Sizes that are positive, bounded and divide one another. Throws Error{format}.
void check_config(const Config& config, const std::string& where);

/// As check_config, of experts: counts that are positive, bounded and fit one another.
void check_experts(const Config& config, const std::string& where);

/// Rotary frequencies that are positive and finite: others make every logit NaN. Throws Error{format}.
void check_frequencies(const Config& config, const std::string& where);

/// What transformers calls an activation. Throws Error{unsupported}, naming the key.
Activation activation_of(const Keys& keys, std::string_view key, std::string_view otherwise);

/// The unembedding: the file's own where it has one, else wte where the configuration ties the two. `config.tied` is
/// what it was found to be.
Matrix unembedding(Config& config, const Matrix& wte, const Tensors& tensors, const std::string& name);

/// A token id of 64 bits as one of 32: what does not fit becomes an id that no vocabulary has, never another one.
inline TokenId nearest_id(std::int64_t id) { return static_cast<TokenId>(std::clamp<std::int64_t>(id, -1, INT32_MAX)); }

/// A whole number or text of GGUF metadata; throws Error{format} naming the key.
std::int64_t meta_integer(const Archive& archive, const std::string& key);
std::string_view meta_string(const Archive& archive, const std::string& key);

TokenizerSpec tokenizer_from_gguf(std::shared_ptr<const Archive> archive);
/// tokenizer.json, or vocab.json + merges.txt, or encoder.json + vocab.bpe. Throws Error{not_found} where there is
/// none.
TokenizerSpec tokenizer_from_folder(const std::filesystem::path& folder);
/// That file, with tokenizer_config.json beside it where the format has one.
TokenizerSpec tokenizer_from_file(const std::filesystem::path& file);
/// What `open_tokenizer` reads.
TokenizerSpec tokenizer_from_place(const std::string& path_or_name);
bool holds_tokenizer(const std::filesystem::path& folder);

}  // namespace embscope
