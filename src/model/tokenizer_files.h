// Tokenizers as files keep them, one source a format: what each reads becomes one TokenizerSpec.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "embscope/files/archive.h"
#include "embscope/text/tokenizer.h"
#include "files/json.h"

namespace embscope {

/// Hugging Face's tokenizer.json.
TokenizerSpec tokenizer_from_json(const std::filesystem::path& path);
/// vocab.json and merges.txt, or encoder.json and vocab.bpe; what is beside them says how text is cut.
TokenizerSpec tokenizer_from_merges(const std::filesystem::path& vocabulary, const std::filesystem::path& merges);
/// SentencePiece's tokenizer.model.
TokenizerSpec tokenizer_from_sentencepiece(const std::filesystem::path& path);
/// tiktoken's file of tokens and ranks. It does not say how text is cut or which special tokens there are: its name or
/// the class in the tokenizer_config.json beside it does.
TokenizerSpec tokenizer_from_tiktoken(const std::filesystem::path& path);
/// Whether a file begins as tiktoken's do.
bool is_tiktoken(const std::filesystem::path& path);
/// Mistral's tekken.json.
TokenizerSpec tokenizer_from_tekken(const std::filesystem::path& path);

/// What tokenizer_config.json says beside a tokenizer: which tokens begin and end a text, and whether they are put
/// there.
void read_tokenizer_config(const std::filesystem::path& path, TokenizerSpec& spec);

// What several formats share.

/// Ids have few holes: a list of tokens by id must not become much larger than the file that names them.
std::int64_t most_tokens(std::size_t named);
/// {"token": id, ...} -> tokens by id; holes stay empty.
void read_vocabulary(const boost::json::object& vocabulary, const std::string& where, TokenizerSpec& spec);
/// "left right"
void add_merge(std::string_view line, const std::string& where, TokenizerSpec& spec);
/// The steps of tokenizer.json; they become what has a fast path where it is the same.
void read_steps(const JsonObject& json, TokenizerSpec& spec);
void read_post_processor(const JsonObject& json, TokenizerSpec& spec);
/// Of a byte-level tokenizer whose text is cut at one pattern.
void cut_at(std::string_view pattern, TokenizerSpec& spec);
/// Cuts that a scanner does become that scanner.
void simplify(TokenizerSpec& spec);
/// Throws Error{unsupported} for a key that is none of these.
void expect_keys(const JsonObject& json, std::initializer_list<std::string_view> known);

/// The patterns of the scanners, as tokenizer.json writes them.
inline constexpr std::string_view gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view llama3_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view qwen2_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view o200k_pattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

}  // namespace embscope
