#include "embscope/model/chat.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "embscope/files/text_file.h"
#include "files/json.h"
#include "model/folders.h"
#include "text/typed_tokens.h"
#include "text/unicode.h"

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

using NamedTokens = std::map<std::string, std::string>;

// All entries NAME_token of an object, in place of earlier ones.
void add_named(NamedTokens& tokens, const boost::json::value* object) {
  if (object == nullptr || !object->is_object()) return;
  for (const auto& [key, value] : object->get_object()) {
    const std::string name(key);
    if (const std::string text = name.ends_with("_token") ? token_text(value) : ""; !text.empty()) tokens[name] = text;
  }
}

// As transformers has them: of tokenizer_config.json, its extra_special_tokens, special_tokens_map.json, the later ones
// first; of a GGUF, which has neither, the vocabulary's own.
NamedTokens special_tokens(const Model& model, const fs::path& folder, const boost::json::value* config) {
  NamedTokens tokens;
  add_named(tokens, config);
  if (config != nullptr && config->is_object())
    add_named(tokens, config->get_object().if_contains("extra_special_tokens"));
  if (!folder.empty() && is_there(folder / "special_tokens_map.json")) {
    const boost::json::value map = read_json(folder / "special_tokens_map.json");
    add_named(tokens, &map);
  }
  const Tokenizer& tokenizer = model.tokenizer();
  if (config == nullptr && tokenizer.bos()) tokens.try_emplace("bos_token", tokenizer.bytes(*tokenizer.bos()));
  if (config == nullptr && tokenizer.eos()) tokens.try_emplace("eos_token", tokenizer.bytes(*tokenizer.eos()));
  return tokens;
}

// One template, or a list of {"name", "template"}, of which "default" is meant.
std::string source_in(const boost::json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (!value.is_array()) return "";
  std::vector<std::string> names;
  for (const auto& entry : value.get_array()) {
    const JsonObject one(entry, config_name);
    if (one.string("name") == "default") return std::string(one.string("template"));
    names.push_back(visible(one.string("name")));
  }
  if (names.empty()) return "";
  throw Error(Code::unsupported, config_name,
              fmt::format("has chat templates named {} and none named default: give one with --template",
                          fmt::join(names, ", ")));
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

// U+10FFFD, which no text uses. In place of the first character of each special token that is typed in a message, it
// shows where in the conversation that token comes to be.
constexpr std::string_view mark = "\xf4\x8f\xbf\xbd";

std::size_t length_at(std::string_view text, std::size_t at) {
  return static_cast<std::size_t>(code_point(text, at).length);
}

std::string marked(const Tokenizer& tokenizer, const std::string& message) {
  const Tokens tokens = tokenizer.encode(message, true);
  std::string out;
  std::size_t done = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto& [begin, end] = tokens.ranges[i];
    if (begin == end || !tokenizer.is_special(tokens.ids[i])) continue;
    const std::string_view written = std::string_view(message).substr(begin, end - begin);
    const std::size_t in_spaces = written.find(tokenizer.bytes(tokens.ids[i]));  // a token may take those around it
    const std::size_t at = begin + (in_spaces == std::string_view::npos ? 0 : in_spaces);
    out.append(message, done, at - done) += mark;
    done = at + length_at(message, at);
  }
  return out.append(message, done, std::string::npos);
}

// The bytes of `text` that are `mark` in the other, which is equal but for these; nothing if it is not.
std::optional<std::vector<std::uint64_t>> places_of_marks(std::string_view text, std::string_view with_marks) {
  std::vector<std::uint64_t> places;
  std::size_t at = 0;
  for (std::size_t i = 0; i < with_marks.size();) {
    if (with_marks.substr(i).starts_with(mark) && at < text.size() && !text.substr(at).starts_with(mark)) {
      places.push_back(at);
      at += length_at(text, at), i += mark.size();
    } else if (at < text.size() && text[at] == with_marks[i]) {
      ++at, ++i;
    } else {
      return std::nullopt;
    }
  }
  return at == text.size() ? std::optional(std::move(places)) : std::nullopt;
}

std::optional<std::string> render_quietly(const ChatTemplate& form, std::span<const Message> messages) {
  try {
    return form.render(messages);
  } catch (const Error&) { return std::nullopt; }
}

// Where in the conversation special tokens are that somebody typed. The assistant's are its own.
std::vector<std::uint64_t> typed_in(const Tokenizer& tokenizer, const ChatTemplate& form,
                                    std::span<const Message> messages, const std::string& text) {
  std::vector<Message> with_marks(messages.begin(), messages.end());
  for (Message& message : with_marks)
    if (message.role != "assistant") message.content = marked(tokenizer, message.content);
  const auto first = std::ranges::mismatch(messages, with_marks, {}, &Message::content, &Message::content).in1;
  if (first == messages.end()) return {};
  const auto other = render_quietly(form, with_marks);
  if (auto places = other ? places_of_marks(text, *other) : std::nullopt) return *places;
  throw Error(Code::unsupported, "chat template",
              fmt::format("a message of the {} has a special token in it, and for that the template writes it in "
                          "another form: leave the token out",
                          visible(first->role)));
}

Tokens conversation_tokens(const Model& model, const std::string& text, std::span<const std::uint64_t> typed) {
  const Tokenizer& tokenizer = model.tokenizer();
  Tokens plain = encode_conversation(tokenizer, text, typed);
  const auto bos = tokenizer.bos();
  if (!folder_of(model).empty() || !bos || (plain.size() > 0 && plain.ids[0] == *bos)) return plain;
  if (const Tokens around = tokenizer.with_bos("", true); around.size() == 0 || around.ids[0] != *bos) return plain;
  plain.ids.insert(plain.ids.begin(), *bos);
  plain.ranges.insert(plain.ranges.begin(), ByteRange{0, 0});
  return plain;
}

}  // namespace

ChatTemplate chat_template(const Model& model) {
  const fs::path folder = folder_of(model);
  const TokenizerConfig config = config_of(folder);
  const std::string source = source_of(model, folder, config);
  if (source.empty())
    throw Error(Code::not_found, model.name(),
                "has no chat template: it continues texts ('generate'), or give one with --template");
  return ChatTemplate(source, special_tokens(model, folder, config.get()));
}

ChatTemplate chat_template(const Model& model, const fs::path& file) {
  const fs::path folder = folder_of(model);
  const TokenizerConfig config = config_of(folder);
  return ChatTemplate(read_text(file), special_tokens(model, folder, config.get()));
}

Prompt conversation_prompt(const Model& model, const ChatTemplate& form, std::span<const Message> messages) {
  const std::string text = form.render(messages);
  return {text, conversation_tokens(model, text, typed_in(model.tokenizer(), form, messages, text))};
}

std::set<TokenId> end_tokens(const Model& model) {
  std::set<TokenId> ends = model.config().ends;
  if (const auto eos = model.tokenizer().eos()) ends.insert(*eos);
  if (model.config().eos) ends.insert(*model.config().eos);
  return ends;
}

}  // namespace embscope
