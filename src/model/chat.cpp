#include "embscope/model/chat.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "embscope/files/text_file.h"
#include "files/json.h"
#include "model/folders.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

constexpr const char* config_name = "tokenizer_config.json";

// The folder with the model's other files; empty of a GGUF, which has all in itself.
fs::path folder_of(const Model& model) {
  if (model.archives().front()->format() == "gguf") return {};
  return fs::is_directory(model.path()) ? model.path() : model.path().parent_path();
}

const std::string* text_of(const Archive& gguf, const char* key, std::string& place) {
  const MetaValue* value = gguf.meta(key);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string_view>(value);
  if (text == nullptr) return nullptr;
  place = *text;
  return &place;
}

// "<s>", or {"content": "<s>", ...}.
std::string token_text(const boost::json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  const auto* object = value.if_object();
  const auto* content = object == nullptr ? nullptr : object->if_contains("content");
  return content != nullptr && content->is_string() ? std::string(content->get_string()) : "";
}

// All entries NAME_token of a configuration, and the tokenizer's own where it has none.
std::map<std::string, std::string> special_tokens(const Model& model, const boost::json::value* config) {
  std::map<std::string, std::string> tokens;
  if (config != nullptr && config->is_object()) {
    for (const auto& [key, value] : config->get_object()) {
      const std::string name(key);
      if (const std::string text = name.ends_with("_token") ? token_text(value) : ""; !text.empty())
        tokens[name] = text;
    }
  }
  const Tokenizer& tokenizer = model.tokenizer();
  if (config == nullptr && tokenizer.bos()) tokens.try_emplace("bos_token", tokenizer.bytes(*tokenizer.bos()));
  if (config == nullptr && tokenizer.eos()) tokens.try_emplace("eos_token", tokenizer.bytes(*tokenizer.eos()));
  return tokens;
}

// One template, or a list of {"name", "template"}, of which "default" is meant.
std::string source_in(const boost::json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  const auto* list = value.if_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const JsonObject one((*list)[i], config_name);
    if (one.string("name") == "default") return std::string(one.string("template"));
  }
  return "";
}

struct TokenizerConfig {
  std::optional<boost::json::value> value;
  const boost::json::value* get() const { return value ? &*value : nullptr; }
};

TokenizerConfig config_of(const fs::path& folder) {
  if (folder.empty() || !is_there(folder / config_name)) return {};
  return {read_json(folder / config_name)};
}

std::string source_of(const Model& model, const fs::path& folder, const TokenizerConfig& config) {
  if (folder.empty()) {
    std::string text;
    const std::string* found = text_of(*model.archives().front(), "tokenizer.chat_template", text);
    return found == nullptr ? "" : *found;
  }
  if (is_there(folder / "chat_template.jinja")) return read_text(folder / "chat_template.jinja");
  const auto* object = config.get() == nullptr ? nullptr : config.get()->if_object();
  const auto* found = object == nullptr ? nullptr : object->if_contains("chat_template");
  return found == nullptr ? "" : source_in(*found);
}

}  // namespace

ChatTemplate chat_template(const Model& model) {
  const fs::path folder = folder_of(model);
  const TokenizerConfig config = config_of(folder);
  const std::string source = source_of(model, folder, config);
  if (source.empty())
    throw Error(Code::not_found, model.name(),
                "has no chat template: it continues texts ('generate'), or give one with --template");
  return ChatTemplate(source, special_tokens(model, config.get()));
}

ChatTemplate chat_template(const Model& model, const fs::path& file) {
  const TokenizerConfig config = config_of(folder_of(model));
  return ChatTemplate(read_text(file), special_tokens(model, config.get()));
}

Tokens conversation_tokens(const Model& model, const std::string& rendered) {
  const Tokenizer& tokenizer = model.tokenizer();
  Tokens plain = tokenizer.encode(rendered, true);
  const auto bos = tokenizer.bos();
  if (!folder_of(model).empty() || !bos || (plain.size() > 0 && plain.ids[0] == *bos)) return plain;
  if (const Tokens around = tokenizer.with_bos("", true); around.size() == 0 || around.ids[0] != *bos) return plain;
  plain.ids.insert(plain.ids.begin(), *bos);
  plain.ranges.insert(plain.ranges.begin(), ByteRange{0, 0});
  return plain;
}

std::set<TokenId> end_tokens(const Model& model) {
  std::set<TokenId> ends = model.config().ends;
  if (const auto eos = model.tokenizer().eos()) ends.insert(*eos);
  if (model.config().eos) ends.insert(*model.config().eos);
  return ends;
}

}  // namespace embscope
