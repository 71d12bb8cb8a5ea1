// Where a tokenizer lies, and which of its files is read.
#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "model/family.h"
#include "model/folders.h"
#include "model/tokenizer_files.h"

namespace embscope {
namespace fs = std::filesystem;
namespace bj = boost::json;
namespace {

// Files that belong together: a vocabulary and its merges.
constexpr std::pair<const char*, const char*> merge_files[] = {{"vocab.json", "merges.txt"},
                                                               {"encoder.json", "vocab.bpe"}};

bool holds_config(const TokenizerSpec& spec, std::string_view token, TokenId& id) {
  for (const auto& added : spec.added) {
    if (spec.tokens[static_cast<std::size_t>(added.id)] != token) continue;
    id = added.id;
    return true;
  }
  return false;
}

constexpr std::string_view tokenizer_names =
    "tokenizer.json, no vocab.json with merges.txt, no tekken.json, no tokenizer.model, no .tiktoken";

// The classes of transformers that number their tokens otherwise than the SentencePiece model.
constexpr std::string_view renumbering[] = {
    "XGLMTokenizer",      "XLMRobertaTokenizer", "MBartTokenizer",  "MBart50Tokenizer", "NllbTokenizer",
    "CamembertTokenizer", "BarthezTokenizer",    "M2M100Tokenizer", "PegasusTokenizer", "PLBartTokenizer"};

// A SentencePiece model does not say whether a text has a beginning or an end; the classes of Llama and Gemma put a
// beginning unless told not to, that of T5 an end.
void read_class(const fs::path& path, TokenizerSpec& spec) {
  if (!fs::exists(path)) return;
  const bj::value value = read_json(path);
  std::string_view name = JsonObject(value, path.string()).string("tokenizer_class", "");
  if (name.ends_with("Fast")) name.remove_suffix(4);
  if (std::ranges::find(renumbering, name) != std::end(renumbering))
    throw Error(Code::unsupported, spec.where,
                fmt::format("{} gives the pieces of a SentencePiece model other ids: they are read from its "
                            "tokenizer.json",
                            name));
  const bool puts_bos = name == "LlamaTokenizer" || name == "GemmaTokenizer" || name == "CodeLlamaTokenizer";
  if (puts_bos && spec.bos) spec.prefix = {*spec.bos};
  if (name == "T5Tokenizer" && spec.eos) spec.suffix = {*spec.eos};
}

// The first of the files in a folder that hold a tokenizer; empty if there is none.
fs::path tokenizer_in(const fs::path& folder, bool whole) {
  if (fs::exists(folder / "tokenizer.json")) return folder / "tokenizer.json";
  for (const auto& [vocabulary, merges] : merge_files)
    if (fs::exists(folder / vocabulary) && (!whole || fs::exists(folder / merges))) return folder / vocabulary;
  for (const char* name : {"tekken.json", "tokenizer.model", "tiktoken.model"})
    if (fs::exists(folder / name)) return folder / name;
  for (const std::string& name : names_in(folder))
    if (name.ends_with(".tiktoken")) return folder / name;
  return {};
}

}  // namespace

void read_tokenizer_config(const fs::path& path, TokenizerSpec& spec) {
  if (!fs::exists(path)) return;
  const bj::value value = read_json(path);
  const JsonObject json(value, path.string());
  const auto id_of = [&](const char* key) -> std::optional<TokenId> {
    if (!json.has(key)) return std::nullopt;
    const bj::value& token = json.raw().at(key);
    const std::string_view text =
        token.is_object() ? JsonObject(token, path.string()).string("content") : json.string(key);
    TokenId id = 0;
    return holds_config(spec, text, id) ? std::optional(id) : std::nullopt;
  };
  if (const auto id = id_of("bos_token")) spec.bos = id;
  if (const auto id = id_of("eos_token")) spec.eos = id;
  // As transformers has it: where one of these is said, both decide in place of the post-processor.
  if (!json.has("add_bos_token") && !json.has("add_eos_token")) return;
  const bool bos = json.truth("add_bos_token", false), eos = json.truth("add_eos_token", false);
  spec.prefix = bos && spec.bos ? std::vector{*spec.bos} : std::vector<TokenId>();
  spec.suffix = eos && spec.eos ? std::vector{*spec.eos} : std::vector<TokenId>();
}

bool holds_tokenizer(const fs::path& folder) { return !tokenizer_in(folder, true).empty(); }

TokenizerSpec tokenizer_from_folder(const fs::path& folder) {
  const fs::path file = tokenizer_in(folder, false);
  if (!file.empty()) return tokenizer_from_file(file);
  throw Error(Code::not_found, folder.string(), fmt::format("holds no {}", tokenizer_names));
}

TokenizerSpec tokenizer_from_file(const fs::path& file) {
  expect_regular(file);
  if (file.extension() == ".gguf") return tokenizer_from_gguf(Archive::open(file));
  for (const auto& [vocabulary, merges] : merge_files) {
    if (file.filename() != vocabulary && file.filename() != merges) continue;
    TokenizerSpec spec = tokenizer_from_merges(file.parent_path() / vocabulary, file.parent_path() / merges);
    read_tokenizer_config(file.parent_path() / "tokenizer_config.json", spec);
    return spec;
  }
  if (file.filename().string().starts_with("tekken") && file.extension() == ".json") return tokenizer_from_tekken(file);
  const bool model = file.extension() == ".model" || file.stem().extension() == ".model";  // also tokenizer.model.v3
  if (file.extension() == ".tiktoken" || (model && is_tiktoken(file))) {
    TokenizerSpec spec = tokenizer_from_tiktoken(file);
    read_tokenizer_config(file.parent_path() / "tokenizer_config.json", spec);
    return spec;
  }
  const bool sentencepiece = model;
  if (!sentencepiece && file.extension() != ".json")
    throw Error(Code::unsupported, file.string(),
                "is not a supported tokenizer; supported are tokenizer.json, vocab.json with merges.txt, tekken.json, "
                "tokenizer.model, .tiktoken, .gguf");
  TokenizerSpec spec = sentencepiece ? tokenizer_from_sentencepiece(file) : tokenizer_from_json(file);
  if (sentencepiece) read_class(file.parent_path() / "tokenizer_config.json", spec);
  read_tokenizer_config(file.parent_path() / "tokenizer_config.json", spec);
  return spec;
}

TokenizerSpec tokenizer_from_place(const std::string& path_or_name) {
  const fs::path own = cache_folder() / "tokenizers" / path_or_name;
  const bool in_cache = !is_there(path_or_name) && is_plain_name(path_or_name) && is_there(own);
  const fs::path path = in_cache ? own : find_model(path_or_name);
  if (std::error_code error; !fs::is_directory(path, error)) return tokenizer_from_file(path);
  if (holds_tokenizer(path)) return tokenizer_from_folder(path);
  const auto files = gguf_files(path);
  if (files.empty())
    throw Error(Code::not_found, path.string(), fmt::format("holds no {} and no .gguf", tokenizer_names));
  return tokenizer_from_gguf(Archive::open(files.front()));
}

std::shared_ptr<const Tokenizer> open_tokenizer(const std::string& path_or_name) {
  return std::make_shared<const Tokenizer>(tokenizer_from_place(path_or_name));
}

}  // namespace embscope
