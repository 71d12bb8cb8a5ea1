// What is particular to each family of models: where its configuration lies and what its files call the weights.
#pragma once

#include <algorithm>

#include "embscope/model.h"
#include "files/json.h"
#include "model/tensors.h"

namespace embscope {

Config gpt2_config(const JsonObject& json);
Config llama_config(const JsonObject& json);
Weights gpt2_weights(const Config& config, const Tensors& tensors);
Weights llama_weights(const Config& config, const Tensors& tensors);

Config gguf_config(const Archive& archive);
Weights gguf_weights(const Config& config, const Tensors& tensors);

/// Sizes that are positive, bounded and divide one another. Throws Error{format}.
void check_config(const Config& config, const std::string& where);

/// Rotary frequencies that are positive and finite: others make every logit NaN. Throws Error{format}.
void check_frequencies(const Config& config, const std::string& where);

/// theta^(-2i/K) for i in 0..K/2 (Su et al. 2021).
std::vector<double> rope_frequencies(double theta, std::int64_t head_width);

/// A token id of 64 bits as one of 32: what does not fit becomes an id that no vocabulary has, never another one.
inline TokenId nearest_id(std::int64_t id) { return static_cast<TokenId>(std::clamp<std::int64_t>(id, -1, INT32_MAX)); }

/// A whole number or text of GGUF metadata; throws Error{format} naming the key.
std::int64_t meta_integer(const Archive& archive, const std::string& key);
std::string_view meta_string(const Archive& archive, const std::string& key);

TokenizerSpec tokenizer_from_gguf(std::shared_ptr<const Archive> archive);
/// tokenizer.json, or vocab.json + merges.txt, or encoder.json + vocab.bpe. Throws Error{not_found} where there is none.
TokenizerSpec tokenizer_from_folder(const std::filesystem::path& folder);
/// That file, with tokenizer_config.json beside it where the format has one.
TokenizerSpec tokenizer_from_file(const std::filesystem::path& file);
/// What `open_tokenizer` reads.
TokenizerSpec tokenizer_from_place(const std::string& path_or_name);
bool holds_tokenizer(const std::filesystem::path& folder);

}  // namespace embscope
