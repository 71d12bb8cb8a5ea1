#include "model/keys.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace embscope {
namespace {

namespace bj = boost::json;

// Keys of config.json that change nothing of what a text's logits are, whatever they hold: how a model is trained,
// saved, generated with, classified with, or run fast (transformers' PretrainedConfig of versions 2 to 5, and what
// tools add).
constexpr std::string_view harmless[] = {"architectures",
                                         "auto_map",
                                         "model_type",
                                         "name_or_path",
                                         "_name_or_path",
                                         "_commit_hash",
                                         "transformers_version",
                                         "torch_dtype",
                                         "dtype",
                                         "use_cache",
                                         "initializer_range",
                                         "initializer_factor",
                                         "initializer_std",
                                         "init_std",
                                         "init_method",
                                         "std_init",
                                         "return_dict",
                                         "output_hidden_states",
                                         "output_attentions",
                                         "output_scores",
                                         "output_router_logits",
                                         "router_aux_loss_coef",
                                         "router_z_loss_coef",
                                         "router_jitter_noise",
                                         "torchscript",
                                         "use_bfloat16",
                                         "tf_legacy_loss",
                                         "tie_last_hidden_states",
                                         "is_decoder",
                                         "cross_attention_hidden_size",
                                         "max_length",
                                         "min_length",
                                         "max_new_tokens",
                                         "do_sample",
                                         "early_stopping",
                                         "num_beams",
                                         "num_beam_groups",
                                         "diversity_penalty",
                                         "temperature",
                                         "top_k",
                                         "top_p",
                                         "typical_p",
                                         "repetition_penalty",
                                         "length_penalty",
                                         "no_repeat_ngram_size",
                                         "encoder_no_repeat_ngram_size",
                                         "bad_words_ids",
                                         "num_return_sequences",
                                         "return_dict_in_generate",
                                         "forced_bos_token_id",
                                         "forced_eos_token_id",
                                         "remove_invalid_values",
                                         "exponential_decay_length_penalty",
                                         "suppress_tokens",
                                         "begin_suppress_tokens",
                                         "finetuning_task",
                                         "id2label",
                                         "label2id",
                                         "num_labels",
                                         "tokenizer_class",
                                         "prefix",
                                         "pad_token_id",
                                         "sep_token_id",
                                         "cls_token_id",
                                         "mask_token_id",
                                         "unk_token_id",
                                         "decoder_start_token_id",
                                         "bos_token",
                                         "eos_token",
                                         "pad_token",
                                         "task_specific_params",
                                         "problem_type",
                                         "pretraining_tp",
                                         "gradient_checkpointing",
                                         "use_gradient_checkpointing",
                                         "attn_implementation",
                                         "_attn_implementation",
                                         "_attn_implementation_internal",
                                         "_attn_implementation_autoset",
                                         "_experts_implementation",
                                         "use_flash_attn",
                                         "_flash_attn_2_enabled",
                                         "use_flash_attention",
                                         "use_flash_attention_2",
                                         "reorder_and_upcast_attn",
                                         "attention_softmax_in_fp32",
                                         "scale_attention_softmax_in_fp32",
                                         "resid_pdrop",
                                         "embd_pdrop",
                                         "attn_pdrop",
                                         "residual_dropout",
                                         "embedding_dropout",
                                         "embed_dropout",
                                         "attention_dropout",
                                         "attention_dropout_prob",
                                         "attention_probs_dropout_prob",
                                         "hidden_dropout",
                                         "hidden_dropout_prob",
                                         "ffn_dropout",
                                         "activation_dropout",
                                         "classifier_dropout",
                                         "classifier_dropout_prob",
                                         "resid_dropout",
                                         "emb_dropout",
                                         "dropout",
                                         "layerdrop",
                                         "summary_type",
                                         "summary_use_proj",
                                         "summary_activation",
                                         "summary_proj_to_labels",
                                         "summary_first_dropout",
                                         "neftune_noise_alpha",
                                         "unsloth_fixed",
                                         "unsloth_version",
                                         "unsloth_optimized",
                                         "tokenizer_model_max_length",
                                         "tokenizer_padding_side",
                                         "chat_template",
                                         "license",
                                         "language",
                                         "cache_implementation",
                                         "mlx_version",
                                         "model_name",
                                         "seq_len_trained",
                                         "training_args",
                                         "vocab_file",
                                         "is_llama_config",
                                         "model_max_length",
                                         "max_sequence_length",
                                         "n_special",
                                         "predict_special_tokens",
                                         "_num_labels",
                                         "custom_pipelines",
                                         "transformers.js_config",
                                         "onnx",
                                         "pruned_heads",
                                         "model_parallel",
                                         "base_model_name_or_path",
                                         "quantized",
                                         "for_llm_compressor",
                                         "_flash_attn_implementation",
                                         "_unsloth_temporary_saved_path",
                                         "pretrained_model_name_or_path",
                                         "datasets",
                                         "tags",
                                         "library_name",
                                         "pipeline_tag"};

// Keys that change nothing while they hold one of these values (beside null, false and what is empty).
struct Neutral {
  std::string_view key;
  std::initializer_list<double> values;  // true counts as 1
  bool empty = true;                     // whether null, false and what is empty change nothing either
};
const Neutral neutral[] = {{"is_causal", {1}, false},
                           {"causal", {1}, false},
                           {"chunk_size_feed_forward", {0}},
                           {"partial_rotary_factor", {1}},
                           {"rotary_pct", {1}},
                           {"rotary_percent", {1}},
                           {"embedding_multiplier", {1}},
                           {"residual_multiplier", {1}},
                           {"logits_scaling", {1}},
                           {"logit_scale", {1}},
                           {"scale_emb", {1}},
                           {"num_experts", {0}},
                           {"num_local_experts", {0}},
                           {"n_routed_experts", {0}},
                           {"factor", {1}},
                           {"full_attn_mod", {1}},
                           {"interpolate_factor", {1}},
                           {"rotary_scaling_factor", {1}},
                           {"scale_attn_weights", {1}, false},
                           {"do_layer_norm_before", {1}, false}};

// The same for GGUF, whose keys of other tools begin elsewhere than with the architecture.
constexpr std::string_view harmless_groups[] = {"general.", "tokenizer.", "quantize.",
                                                "split.",   "imatrix.",   "mradermacher."};
constexpr std::string_view harmless_meta[] = {".rope.scaling.finetuned", ".vocab_size",
                                              ".rope.scaling.original_context_length"};
const Neutral neutral_meta[] = {{".attention.causal", {1}, false},
                                {".expert_count", {0}},
                                {".expert_used_count", {0}},
                                {".expert_shared_count", {0}},
                                {".pooling_type", {0}},
                                {".attention.clamp_kqv", {0}},
                                {".attention.max_alibi_bias", {0}},
                                {".attention.sliding_window", {0}},
                                {".logit_scale", {1}},
                                {".residual_scale", {1}},
                                {".embedding_scale", {1}},
                                {".rope.scaling.attn_factor", {1}},
                                {".rope.scale_linear", {1}},
                                {".rope.scaling.factor", {1}},
                                {".leading_dense_block_count", {0}},
                                {".nextn_predict_layers", {0}},
                                {".attn_logit_softcapping", {0}},
                                {".final_logit_softcapping", {0}}};

template <class Table>
const Neutral* find(const Table& table, std::string_view key) {
  const auto found = std::ranges::find(table, key, &Neutral::key);
  return found == std::end(table) ? nullptr : found;
}

std::optional<double> number_of(const bj::value& value) {
  if (value.is_bool()) return value.get_bool() ? 1 : 0;
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  if (value.is_double()) return value.get_double();
  return std::nullopt;
}

bool is_empty(const bj::value& value) {
  return value.is_null() || (value.is_bool() && !value.get_bool()) ||
         (value.is_string() && value.get_string().empty()) || (value.is_array() && value.get_array().empty()) ||
         (value.is_object() && value.get_object().empty());
}

// The metadata value as JSON: what an error prints, and what is compared with the neutral values.
bj::value json_of(const MetaValue& value) {
  return std::visit(
      [](const auto& x) -> bj::value {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, std::string_view>) {
          return bj::string(bj::string_view(x.data(), x.size()));
        } else if constexpr (requires { x.begin(); }) {
          bj::array list;
          for (const auto& item : x) {
            if constexpr (std::is_same_v<std::decay_t<decltype(item)>, std::string_view>)
              list.emplace_back(bj::string_view(item.data(), item.size()));
            else
              list.emplace_back(item);
          }
          return list;
        } else {
          return x;
        }
      },
      value);
}

bool changes_nothing(const bj::value& value, const Neutral* known) {
  if (is_empty(value) && (known == nullptr || known->empty || value.is_null())) return true;
  const std::optional<double> number = number_of(value);
  return known != nullptr && number && std::ranges::find(known->values, *number) != known->values.end();
}

[[noreturn]] void refuse_key(const std::string& where, std::string_view key, const bj::value& value) {
  std::string shown = bj::serialize(value);
  if (shown.size() > 60) shown = shown.substr(0, 57) + "...";
  throw Error(Code::unsupported, where,
              fmt::format("'{}': {} is not supported for this model, and may change what it computes", key, shown));
}

}  // namespace

bool Keys::present(std::string_view key) const {
  return json_.raw().if_contains(bj::string_view(key.data(), key.size())) != nullptr;
}

bool Keys::is_list(std::string_view key) const {
  const bj::value* value = json_.raw().if_contains(bj::string_view(key.data(), key.size()));
  return value != nullptr && value->is_array();
}

const JsonObject& Keys::take(std::string_view key) const {
  taken_.insert(std::string(key));
  return json_;
}

std::int64_t Keys::integer(std::string_view key, std::int64_t otherwise) const {
  return present(key) ? integer(key) : otherwise;
}

std::optional<std::int64_t> Keys::optional_integer(std::string_view key) const {
  return take(key).has(key) ? std::optional(json_.integer(key)) : std::nullopt;
}

double Keys::number(std::string_view key, double otherwise) const { return present(key) ? number(key) : otherwise; }

std::optional<double> Keys::optional_number(std::string_view key) const {
  return take(key).has(key) ? std::optional(json_.number(key)) : std::nullopt;
}

double Keys::positive_or_none(std::string_view key) const {
  const auto value = optional_number(key);
  if (value && !(*value > 0))
    throw Error(Code::format, where(), fmt::format("'{}' of {}: expected a positive number or null", key, *value));
  return value.value_or(0);
}

bool Keys::truth(std::string_view key, bool otherwise) const {
  if (!present(key)) return otherwise;
  if (take(key).has(key)) return json_.truth(key, otherwise);
  throw Error(Code::format, where(), fmt::format("'{}': expected true or false, found null", key));
}

bool Keys::truth_or_count(std::string_view key, bool otherwise) const {
  const bj::value* value = take(key).raw().if_contains(bj::string_view(key.data(), key.size()));
  return value != nullptr && value->is_int64() ? value->get_int64() != 0 : truth(key, otherwise);
}

std::string_view Keys::string(std::string_view key, std::string_view otherwise) const {
  return present(key) ? take(key).string(key) : otherwise;
}

std::vector<double> Keys::numbers(std::string_view key) const {
  std::vector<double> list;
  for (const bj::value& item : take(key).array(key)) {
    const std::optional<double> number = item.is_bool() ? std::nullopt : number_of(item);
    if (!number)
      throw Error(Code::format, where(),
                  fmt::format("'{}': expected numbers, found {}", key, bj::serialize(item).substr(0, 40)));
    list.push_back(*number);
  }
  return list;
}

std::vector<std::string_view> Keys::strings(std::string_view key) const {
  std::vector<std::string_view> list;
  for (const bj::value& item : take(key).array(key)) {
    if (!item.is_string())
      throw Error(Code::format, where(),
                  fmt::format("'{}': expected texts, found {}", key, bj::serialize(item).substr(0, 40)));
    list.emplace_back(item.get_string().data(), item.get_string().size());
  }
  return list;
}

std::int64_t Keys::same_integer(std::initializer_list<std::string_view> names) const {
  std::optional<std::int64_t> found;
  std::string_view first;
  for (std::string_view name : names) {
    if (!present(name)) continue;
    const std::int64_t value = integer(name);
    if (found && *found != value)
      throw Error(Code::format, where(),
                  fmt::format("'{}' is {} and '{}' is {}: they must be equal", first, *found, name, value));
    if (!found) found = value, first = name;
  }
  return found ? *found : integer(*names.begin());
}

void Keys::refuse_rest() const {
  for (const auto& [name, value] : json_.raw()) {
    const std::string_view key(name.data(), name.size());
    if (taken_.contains(key) || std::ranges::find(harmless, key) != std::end(harmless)) continue;
    if (!changes_nothing(value, find(neutral, key))) refuse_key(where(), key, value);
  }
}

Metadata::Metadata(const Archive& archive) : archive_(archive) {
  if (has("general.architecture")) architecture_ = string("general.architecture");
}

std::string Metadata::take(std::string_view key) const {
  std::string name = full(key);
  taken_.insert(name);
  return name;
}

double Metadata::number(std::string_view key) const {
  const std::string name = take(key);
  const MetaValue* value = archive_.meta(name);
  if (value != nullptr) {
    if (const auto* x = std::get_if<double>(value)) return *x;
    if (const auto* x = std::get_if<std::uint64_t>(value)) return static_cast<double>(*x);
    if (const auto* x = std::get_if<std::int64_t>(value)) return static_cast<double>(*x);
  }
  throw Error(Code::format, "gguf",
              fmt::format("{}: key '{}' is {}", where(), name, value == nullptr ? "missing" : "not a number"));
}

std::vector<double> Metadata::numbers(std::string_view key) const {
  const std::string name = take(key);
  const MetaValue* value = archive_.meta(name);
  if (value != nullptr) {
    if (const auto* list = std::get_if<std::vector<double>>(value)) return *list;
    if (const auto* list = std::get_if<std::vector<std::int64_t>>(value)) return {list->begin(), list->end()};
  }
  return {number(key)};
}

std::int64_t Metadata::integer(std::string_view key) const {
  const std::vector<double> values = numbers(key);
  const double x = values.empty() ? NAN : values.front();
  if (!std::ranges::all_of(values, [x](double y) { return y == x || (std::isnan(x) && std::isnan(y)); }))
    throw Error(Code::unsupported, where(),
                fmt::format("'{}' differs from block to block, which is not supported for this model", full(key)));
  if (x != std::floor(x) || std::abs(x) > 1e15)
    throw Error(Code::format, "gguf", fmt::format("key '{}': expected a whole number, found {}", full(key), x));
  return static_cast<std::int64_t>(x);
}

bool Metadata::truth(std::string_view key, bool otherwise) const {
  if (!has(key)) return otherwise;
  const std::string name = take(key);
  if (const bool* value = std::get_if<bool>(archive_.meta(name))) return *value;
  throw Error(Code::format, "gguf", fmt::format("{}: key '{}' is not a truth value", where(), name));
}

std::string_view Metadata::string(std::string_view key) const {
  const std::string name = take(key);
  const MetaValue* value = archive_.meta(name);
  if (value != nullptr) {
    if (const auto* text = std::get_if<std::string_view>(value)) return *text;
  }
  throw Error(Code::format, "gguf",
              fmt::format("{}: key '{}' is {}", where(), name, value == nullptr ? "missing" : "not text"));
}

void Metadata::refuse_rest() const {
  for (const auto& [key, value] : archive_.metadata()) {
    if (taken_.contains(key) ||
        std::ranges::any_of(harmless_groups, [&](std::string_view group) { return key.starts_with(group); }))
      continue;
    const bool own = key.starts_with(architecture_ + ".");
    const std::string_view below = own ? std::string_view(key).substr(architecture_.size()) : key;
    if (own && std::ranges::find(harmless_meta, below) != std::end(harmless_meta)) continue;
    const bj::value shown = json_of(value);
    if (!changes_nothing(shown, find(neutral_meta, below))) refuse_key(where(), key, shown);
  }
}

}  // namespace embscope
