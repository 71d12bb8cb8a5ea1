// Mistral's tekken.json: {"config": {"pattern", "default_vocab_size", "default_num_special_tokens", ...}, "vocab":
// [{"rank", "token_bytes", "token_str"}, ...], "special_tokens": [{"rank", "token_str", "is_control"}, ...]}. Special
// tokens have the first ids, and of the tokens as many are used as the configuration says.
#include <fmt/format.h>

#include "model/base64.h"
#include "model/tokenizer_files.h"

namespace embscope {
namespace bj = boost::json;
namespace {

// Those of files that do not name them (to version 7).
constexpr std::string_view first_special[] = {"<unk>",
                                              "<s>",
                                              "</s>",
                                              "[INST]",
                                              "[/INST]",
                                              "[AVAILABLE_TOOLS]",
                                              "[/AVAILABLE_TOOLS]",
                                              "[TOOL_RESULTS]",
                                              "[/TOOL_RESULTS]",
                                              "[TOOL_CALLS]",
                                              "[IMG]",
                                              "<pad>",
                                              "[IMG_BREAK]",
                                              "[IMG_END]",
                                              "[PREFIX]",
                                              "[MIDDLE]",
                                              "[SUFFIX]",
                                              "[SYSTEM_PROMPT]",
                                              "[/SYSTEM_PROMPT]",
                                              "[TOOL_CONTENT]"};

struct Sizes {
  std::size_t special, words;
};

Sizes sizes_of(const JsonObject& config, std::size_t listed) {
  const std::int64_t all = config.integer("default_vocab_size"), special = config.integer("default_num_special_tokens");
  if (special < 0 || special > 100'000 || all <= special || all - special > static_cast<std::int64_t>(listed))
    throw Error(
        Code::format, config.where(),
        fmt::format("{} tokens, of which {} are special, do not go with the {} that are listed", all, special, listed));
  return {static_cast<std::size_t>(special), static_cast<std::size_t>(all - special)};
}

void read_special(const JsonObject& json, std::size_t count, std::vector<std::string>& texts) {
  texts.resize(count);
  for (std::size_t id = 0; id < count; ++id) texts[id] = fmt::format("<SPECIAL_{}>", id);
  if (!json.has("special_tokens")) {
    const std::string_view version = json.object("config").string("version", "");
    if (version != "v1" && version != "v2" && version != "v3" && version != "v7")
      throw Error(Code::format, json.where(), fmt::format("the version '{}' without 'special_tokens'", version));
    for (std::size_t id = 0; id < std::min(count, std::size(first_special)); ++id) texts[id] = first_special[id];
    return;
  }
  for (const bj::value& value : json.array("special_tokens")) {
    const JsonObject token(value, json.where() + " 'special_tokens'");
    const std::int64_t id = token.integer("rank");
    if (id < 0 || id >= static_cast<std::int64_t>(count))
      throw Error(Code::format, token.where(), fmt::format("expected a rank below {}, found {}", count, id));
    texts[static_cast<std::size_t>(id)] = token.string("token_str");
  }
}

void read_words(const bj::array& vocab, Sizes sizes, std::vector<std::string>& texts, const std::string& where) {
  for (std::size_t i = 0; i < sizes.words; ++i) {
    const JsonObject token(vocab[i], where + " 'vocab'");
    const auto bytes = base64(token.string("token_bytes"));
    if (!bytes || bytes->empty() || token.integer("rank") != static_cast<std::int64_t>(i))
      throw Error(Code::format, token.where(), fmt::format("token {}: expected its rank and its bytes in base64", i));
    texts.push_back(*bytes);
  }
}

// The pattern is written for another engine than ours: what has another meaning there is refused.
std::string_view pattern_of(const JsonObject& config) {
  const std::string_view pattern = config.string("pattern");
  if (pattern.find('$') != std::string_view::npos || pattern.find("}+") != std::string_view::npos)
    throw Error(Code::unsupported, config.where(),
                fmt::format("the pattern '{}' with $ or }}+ is not supported", pattern));
  return pattern;
}

}  // namespace

TokenizerSpec tokenizer_from_tekken(const std::filesystem::path& path) {
  const bj::value value = read_json(path);
  const JsonObject json(value, path.string()), config = json.object("config");
  expect_keys(json, {"config", "vocab", "special_tokens", "image", "audio", "multimodal", "model_settings_builder",
                     "version", "type"});
  expect_keys(config, {"pattern", "num_vocab_tokens", "default_vocab_size", "default_num_special_tokens", "version"});
  const bj::array& vocab = json.array("vocab");
  const Sizes sizes = sizes_of(config, vocab.size());
  auto texts = std::make_shared<std::vector<std::string>>();
  read_special(json, sizes.special, *texts);
  read_words(vocab, sizes, *texts, path.string());

  TokenizerSpec spec;
  spec.where = path.string();
  spec.algorithm = TokenizerSpec::Algorithm::scores;
  spec.raw_bytes = spec.ignore_merges = true;
  spec.tokens.assign(texts->begin(), texts->end());
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) spec.scores.push_back(-static_cast<double>(id));
  for (std::size_t id = 0; id < sizes.special; ++id) {
    spec.added.push_back({.id = static_cast<TokenId>(id), .special = true});
    if (spec.tokens[id] == "<s>") spec.bos = static_cast<TokenId>(id), spec.prefix = {*spec.bos};
    if (spec.tokens[id] == "</s>") spec.eos = static_cast<TokenId>(id);
  }
  cut_at(pattern_of(config), spec);
  spec.owners = {texts};
  return spec;
}

}  // namespace embscope
