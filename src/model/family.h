// What is particular to each family of models: where its configuration lies and what its files call the weights.
#pragma once

#include <algorithm>

#include "embscope/model.h"
#include "files/json.h"
#include "model/keys.h"
#include "model/tensors.h"

namespace embscope {

Config gpt2_config(const Keys& keys);
Config llama_config(const Keys& keys);
Weights gpt2_weights(Config& config, const Tensors& tensors);
/// The biases are those that the configuration says are there.
Weights llama_weights(Config& config, const Keys& keys, const Tensors& tensors);

Config gguf_config(const Meta& meta);
Weights gguf_weights(Config& config, const Tensors& tensors);

/// Sizes that are positive, bounded and divide one another. Throws Error{format}.
void check_config(const Config& config, const std::string& where);

/// Rotary frequencies that are positive and finite: others make every logit NaN. Throws Error{format}.
void check_frequencies(const Config& config, const std::string& where);

/// What transformers calls an activation. Throws Error{unsupported}, naming the key.
Activation activation_of(const Keys& keys, std::string_view key, std::string_view otherwise);

/// The unembedding: the file's own where it has one, else wte where the configuration ties the two. `config.tied` is what it was found to be.
Matrix unembedding(Config& config, const Matrix& wte, const Tensors& tensors, const std::string& name);

/// A token id of 64 bits as one of 32: what does not fit becomes an id that no vocabulary has, never another one.
inline TokenId nearest_id(std::int64_t id) { return static_cast<TokenId>(std::clamp<std::int64_t>(id, -1, INT32_MAX)); }

/// A whole number or text of GGUF metadata; throws Error{format} naming the key.
std::int64_t meta_integer(const Archive& archive, const std::string& key);
std::string_view meta_string(const Archive& archive, const std::string& key);

TokenizerSpec tokenizer_from_gguf(std::shared_ptr<const Archive> archive);
/// tokenizer.json, or vocab.json + merges.txt, or encoder.json + vocab.bpe. Throws Error{not_found} where there is none.
TokenizerSpec tokenizer_from_folder(const std::filesystem::path& folder);
/// What `open_tokenizer` reads.
TokenizerSpec tokenizer_from_place(const std::string& path_or_name);
bool holds_tokenizer(const std::filesystem::path& folder);

}  // namespace embscope
