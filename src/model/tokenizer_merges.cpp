// vocab.json + merges.txt, as GPT-2 and those after it have them.
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/file.h"
#include "base/lines.h"
#include "embscope/text/utf8.h"
#include "model/tokenizer_files.h"
#include "model/tokenizer_flat.h"

namespace embscope {
namespace fs = std::filesystem;
namespace bj = boost::json;
std::int64_t most_tokens(std::size_t named) { return static_cast<std::int64_t>(2 * named + 1024); }

void read_vocabulary(const bj::object& vocabulary, const std::string& where, TokenizerSpec& spec) {
  const std::int64_t most = most_tokens(vocabulary.size());
  for (const auto& [key, value] : vocabulary) {
    const std::string_view token(key.data(), key.size());
    if (!value.is_int64() || value.get_int64() < 0 || value.get_int64() >= most) {
      throw Error(Code::format, where,
                  fmt::format("token '{}': expected an id below {}, found {}", token, most,
                              bj::serialize(value).substr(0, 40)));
    }
    const auto id = static_cast<std::size_t>(value.get_int64());
    if (id >= spec.tokens.size()) spec.tokens.resize(id + 1);
    if (!spec.tokens[id].empty())
      throw Error(Code::format, where,
                  fmt::format("tokens '{}' and '{}' have the same id {}", spec.tokens[id], token, id));
    spec.tokens[id] = token;
  }
}

void add_merge(std::string_view line, const std::string& where, TokenizerSpec& spec) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == line.size() ||
      line.find(' ', space + 1) != std::string_view::npos) {
    throw Error(Code::format, where,
                fmt::format("merge {}: expected two tokens and a space, found '{}'", spec.merges.size(),
                            well_formed(line.substr(0, 60))));
  }
  spec.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
}

namespace {

void read_merge_lines(std::string_view text, const std::string& where, TokenizerSpec& spec) {
  spec.merges.reserve(static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1);
  bool first = true;
  for (text = without_mark(text); !text.empty();) {
    const std::string_view line = take_line(text);
    const bool header = first && line.starts_with("#version:");
    first = false;
    if (!line.empty() && !header) add_merge(line, where, spec);
  }
}

struct Class {
  std::string_view name;
  PreTokenizer pre;
  bool nfc = false;
};

// How the classes of transformers that keep a vocabulary and merges cut text.
constexpr Class classes[] = {
    {"GPT2Tokenizer", PreTokenizer::gpt2},         {"CodeGenTokenizer", PreTokenizer::gpt2},
    {"OPTTokenizer", PreTokenizer::gpt2},          {"GPTNeoXTokenizer", PreTokenizer::gpt2},
    {"GPTNeoTokenizer", PreTokenizer::gpt2},       {"GPTJTokenizer", PreTokenizer::gpt2},
    {"Qwen2Tokenizer", PreTokenizer::qwen2, true}, {"Qwen2MoeTokenizer", PreTokenizer::qwen2, true},
    {"Qwen3Tokenizer", PreTokenizer::qwen2, true},
};

// {"<pad>": 50257, ...}: tokens added to a vocabulary.
void read_added_tokens(const fs::path& path, TokenizerSpec& spec) {
  if (!fs::exists(path)) return;
  auto value = std::make_shared<const bj::value>(read_json(path));
  spec.owners.push_back(value);
  const JsonObject json(*value, path.string());
  TokenizerSpec added;
  added.tokens.resize(spec.tokens.size() + json.raw().size());
  const std::int64_t most = most_tokens(added.tokens.size());
  for (const auto& [key, entry] : json.raw()) {
    const std::int64_t id = json.integer({key.data(), key.size()});
    if (id < 0 || id >= most)
      throw Error(Code::format, path.string(),
                  fmt::format("token '{}': expected an id below {}, found {}", std::string_view(key.data(), key.size()),
                              most, id));
    const auto i = static_cast<std::size_t>(id);
    if (i >= spec.tokens.size()) spec.tokens.resize(i + 1);
    const std::string_view content(key.data(), key.size());
    if (!spec.tokens[i].empty() && spec.tokens[i] != content)
      throw Error(Code::format, path.string(),
                  fmt::format("'{}' and '{}' have the same id {}", spec.tokens[i], content, id));
    const bool in_model = !spec.tokens[i].empty();
    spec.tokens[i] = content;
    std::erase_if(spec.added, [&](const auto& a) { return a.id == id; });
    spec.added.push_back({.id = static_cast<TokenId>(id), .in_model = in_model});
  }
}

// Of the tokens that were added, those that the configuration names for a purpose are special.
void mark_special(const JsonObject& json, TokenizerSpec& spec) {
  const auto mark = [&](std::string_view content) {
    for (auto& added : spec.added)
      if (spec.tokens[static_cast<std::size_t>(added.id)] == content) added.special = true;
  };
  const auto mark_value = [&](const bj::value& value) {
    if (const auto* text = value.if_string()) mark({text->data(), text->size()});
    if (value.is_object() && value.get_object().contains("content"))
      mark(JsonObject(value, json.where()).string("content"));
  };
  for (const auto& [key, value] : json.raw()) {
    if (std::string_view(key.data(), key.size()).ends_with("_token")) mark_value(value);
  }
  if (const auto* more = json.raw().if_contains("additional_special_tokens"); more != nullptr && more->is_array())
    for (const bj::value& one : more->get_array()) mark_value(one);
}

void read_class(const fs::path& folder, TokenizerSpec& spec) {
  const fs::path path = folder / "tokenizer_config.json";
  if (!fs::exists(path)) return;
  const bj::value value = read_json(path);
  const JsonObject json(value, path.string());
  std::string_view name = json.string("tokenizer_class", "GPT2Tokenizer");
  if (name.ends_with("Fast")) name.remove_suffix(4);
  const auto* found = std::ranges::find(classes, name, &Class::name);
  if (found == std::end(classes)) {
    std::string known;
    for (const Class& c : classes) known += (known.empty() ? "" : ", ") + std::string(c.name);
    throw Error(
        Code::unsupported, path.string(),
        fmt::format("the tokenizer's class '{}' is not known to cut text ({} are); a tokenizer.json would say how",
                    name, known));
  }
  spec.pre = found->pre;
  if (found->nfc) spec.normalizer.emplace_back().kind = NormalizerStep::Kind::nfc;
  spec.add_prefix_space = json.truth("add_prefix_space", false);
  mark_special(json, spec);
}

}  // namespace

TokenizerSpec tokenizer_from_merges(const fs::path& vocabulary, const fs::path& merges) {
  auto lines = std::make_shared<const MappedFile>(merges);
  TokenizerSpec spec;
  spec.where = vocabulary.string();
  spec.owners = {lines};
  if (!read_flat_vocabulary(MappedFile(vocabulary).text(), spec)) {
    auto value = std::make_shared<const bj::value>(read_json(vocabulary));
    spec.owners.push_back(value);
    spec.tokens.clear();
    read_vocabulary(JsonObject(*value, vocabulary.string()).raw(), vocabulary.string(), spec);
  }
  read_merge_lines(lines->text(), merges.string(), spec);
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    if (spec.tokens[id] != "<|endoftext|>") continue;
    spec.added.push_back({.id = static_cast<TokenId>(id), .special = true, .in_model = true});
    spec.bos = spec.eos = static_cast<TokenId>(id);
  }
  read_added_tokens(vocabulary.parent_path() / "added_tokens.json", spec);
  read_class(vocabulary.parent_path(), spec);
  return spec;
}

}  // namespace embscope
