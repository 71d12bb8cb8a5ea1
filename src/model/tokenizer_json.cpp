// tokenizer.json.
#include <algorithm>
#include <span>
#include <unordered_map>

#include <fmt/format.h>

#include "base/file.h"
#include "base/lines.h"
#include "model/tokenizer_files.h"
#include "model/tokenizer_flat.h"
#include "text/hash.h"

namespace embscope {
namespace fs = std::filesystem;
namespace bj = boost::json;
namespace {

std::string_view text_of(const bj::string& s) { return {s.data(), s.size()}; }

void read_merge_list(const bj::array& merges, const std::string& where, TokenizerSpec& spec) {
  for (const bj::value& merge : merges) {
    const bj::array* pair = merge.if_array();
    if (const bj::string* line = merge.if_string()) {
      add_merge(text_of(*line), where, spec);
    } else if (pair != nullptr && pair->size() == 2 && (*pair)[0].is_string() && (*pair)[1].is_string()) {
      spec.merges.emplace_back(text_of((*pair)[0].get_string()), text_of((*pair)[1].get_string()));
    } else {
      throw Error(Code::format, where, fmt::format("merge {}: expected two tokens", spec.merges.size()));
    }
  }
}

// Ids of added tokens as Hugging Face's library gives them: one that the model has keeps its id, others follow its
// last.
class AddedIds {
 public:
  /// `contents`: of all added tokens.
  AddedIds(const TokenizerSpec& spec, std::span<const std::string_view> contents)
      : spec_(spec), in_model_(spec.tokens.size()), contents_(contents) {
    size_ = std::ranges::count_if(spec.tokens, [](std::string_view token) { return !token.empty(); });
  }
  struct Given {
    std::int64_t id;
    bool in_model;
  };
  Given give(std::string_view content, std::int64_t id) {
    Given given{place(content, id), true};
    if (given.id < 0) {
      const auto [found, fresh] = others_.try_emplace(content, last_ >= size_ ? last_ + 1 : size_);
      given = {found->second, false};
    }
    last_ = std::max(last_, given.id);
    return given;
  }

 private:
  // Where the model has it: most often where the file says; -1 where it has not.
  std::int64_t place(std::string_view content, std::int64_t id) const {
    const auto i = static_cast<std::size_t>(id);
    if (i < in_model_ && spec_.tokens[i] == content) return id;
    if (places_.empty()) find_places();
    return places_.at(content);
  }

  // The vocabulary is much longer than the list: few of its tokens have a hash like that of an added one.
  void find_places() const {
    std::vector<bool> likely(1 << 16);
    for (std::string_view content : contents_) {
      places_.emplace(content, -1);
      likely[hashing::hash(content) >> 48] = true;
    }
    for (std::size_t k = 0; k < in_model_; ++k) {
      if (!likely[hashing::hash(spec_.tokens[k]) >> 48]) continue;
      const auto found = places_.find(spec_.tokens[k]);
      if (found != places_.end() && found->second < 0) found->second = static_cast<std::int64_t>(k);
    }
  }

  const TokenizerSpec& spec_;
  std::size_t in_model_;
  std::span<const std::string_view> contents_;
  std::int64_t size_ = 0, last_ = -1;
  mutable std::unordered_map<std::string_view, std::int64_t> places_;
  std::unordered_map<std::string_view, std::int64_t> others_;
};

void read_added_token(const JsonObject& added, AddedIds& ids, TokenizerSpec& spec, std::int64_t most) {
  const std::int64_t id = added.integer("id");
  if (id < 0 || id >= most)
    throw Error(Code::format, added.where(), fmt::format("expected an id below {}, found {}", most, id));
  const auto i = static_cast<std::size_t>(id);
  if (i >= spec.tokens.size()) spec.tokens.resize(i + 1);
  const std::string_view content = added.string("content");
  if (content.empty()) return;  // no text holds it
  if (!spec.tokens[i].empty() && spec.tokens[i] != content)
    throw Error(Code::format, added.where(),
                fmt::format("'{}' and '{}' have the same id {}", spec.tokens[i], content, id));
  const auto given = ids.give(content, id);
  if (given.id != id)
    throw Error(
        Code::format, added.where(),
        fmt::format("the token '{}' has the id {}, but Hugging Face's tokenizers would give it {}: which is meant?",
                    content, id, given.id));
  spec.tokens[i] = content;
  const bool special = added.truth("special", false);
  spec.added.push_back({static_cast<TokenId>(id), special, added.truth("normalized", !special),
                        added.truth("lstrip", false), added.truth("rstrip", false), added.truth("single_word", false),
                        given.in_model});
}

void read_added(const JsonObject& json, TokenizerSpec& spec) {
  if (!json.has("added_tokens") || json.array("added_tokens").empty()) return;
  const std::int64_t most = most_tokens(spec.tokens.size() + json.array("added_tokens").size());
  std::vector<std::string_view> contents;
  const std::string where = json.where() + " 'added_tokens'";
  for (const bj::value& value : json.array("added_tokens"))
    contents.push_back(JsonObject(value, where).string("content"));
  AddedIds ids(spec, contents);
  for (const bj::value& value : json.array("added_tokens")) {
    const JsonObject added(value, where);
    expect_keys(added, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    read_added_token(added, ids, spec, most);
  }
}

TokenId id_of(const TokenizerSpec& spec, std::string_view token, const std::string& where) {
  const auto found = std::ranges::find(spec.tokens, token);
  if (token.empty() || found == spec.tokens.end())
    throw Error(Code::format, where,
                fmt::format("the token for unknown characters, '{}', is not in the vocabulary", token));
  return static_cast<TokenId>(found - spec.tokens.begin());
}

void read_bpe(const JsonObject& model, TokenizerSpec& spec) {
  expect_keys(model, {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                      "byte_fallback", "ignore_merges", "vocab", "merges"});
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!model.string(affix, "").empty())
      throw Error(Code::unsupported, model.where(),
                  fmt::format("'{}' is '{}': only an empty one is supported", affix, model.string(affix)));
  }
  if (model.number("dropout", 0) != 0)
    throw Error(Code::unsupported, model.where(),
                fmt::format("a dropout of {} makes random tokens: only 0 is supported", model.number("dropout")));
  if (spec.tokens.empty()) {
    read_vocabulary(model.object("vocab").raw(), spec.where + " 'vocab'", spec);
    read_merge_list(model.array("merges"), spec.where + " 'merges'", spec);
  }
  spec.ignore_merges = model.truth("ignore_merges", false);
  spec.byte_fallback = model.truth("byte_fallback", false);
  spec.fuse_unk = model.truth("fuse_unk", false);
  if (model.has("unk_token")) spec.unk = id_of(spec, model.string("unk_token"), model.where());
}

void read_unigram(const JsonObject& model, TokenizerSpec& spec) {
  expect_keys(model, {"type", "unk_id", "vocab", "byte_fallback"});
  spec.algorithm = TokenizerSpec::Algorithm::unigram;
  for (const bj::value& value : model.array("vocab")) {
    const bj::array* entry = value.if_array();
    if (entry == nullptr || entry->size() != 2 || !(*entry)[0].is_string() || !(*entry)[1].is_number())
      throw Error(Code::format, spec.where + " 'vocab'",
                  fmt::format("token {}: expected a text and a score", spec.tokens.size()));
    spec.tokens.push_back(text_of((*entry)[0].get_string()));
    spec.scores.push_back((*entry)[1].to_number<double>());
  }
  if (model.has("unk_id"))
    spec.unk = static_cast<TokenId>(std::clamp<std::int64_t>(model.integer("unk_id"), -1, INT32_MAX));
  spec.byte_fallback = model.truth("byte_fallback", false);
  spec.fuse_unk = true;
}

// The token for unknown words need not be there: then they are an error.
void read_words(const JsonObject& model, TokenizerSpec& spec) {
  read_vocabulary(model.object("vocab").raw(), spec.where + " 'vocab'", spec);
  const auto found = std::ranges::find(spec.tokens, model.string("unk_token"));
  if (found != spec.tokens.end() && !found->empty()) spec.unk = static_cast<TokenId>(found - spec.tokens.begin());
  spec.joining = TokenizerSpec::Joining::spaces;
}

void read_word_level(const JsonObject& model, TokenizerSpec& spec) {
  expect_keys(model, {"type", "unk_token", "vocab"});
  spec.algorithm = TokenizerSpec::Algorithm::words;
  read_words(model, spec);
}

void read_word_piece(const JsonObject& model, TokenizerSpec& spec) {
  expect_keys(model, {"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"});
  spec.algorithm = TokenizerSpec::Algorithm::longest;
  spec.continuing = model.string("continuing_subword_prefix", "##");
  spec.longest_word =
      static_cast<std::size_t>(std::max<std::int64_t>(model.integer("max_input_chars_per_word", 100), 0));
  read_words(model, spec);
}

// Whether the lists that were read are those of the model, and of nothing else in the file.
bool are_of_the_model(const bj::value& value) {
  const auto is_mark = [](const bj::value* one) {
    return one != nullptr && one->is_string() && text_of(one->get_string()) == flat_mark;
  };
  const bj::object* file = value.if_object();
  const bj::value* model = file == nullptr ? nullptr : file->if_contains("model");
  const bj::object* parts = model == nullptr ? nullptr : model->if_object();
  return parts != nullptr && is_mark(parts->if_contains("vocab")) && is_mark(parts->if_contains("merges"));
}

// The file, without the lists that are read here if it is large: then the parser would need most of the time.
bj::value read_file(const fs::path& path, TokenizerSpec& spec) {
  const MappedFile file(path);
  const std::string_view text = without_mark(file.text());
  if (text.size() <= unique_keys_up_to) return read_json(path);
  if (const auto rest = read_flat_model(text, path.string() + " 'merges'", spec)) {
    bj::value value = parse_json(*rest, path.string(), rest->size());
    check_mapping(file.bytes().data());
    if (are_of_the_model(value)) return value;
  }
  spec.tokens.clear(), spec.merges.clear(), spec.owners.clear();
  return read_json(path);
}

}  // namespace

TokenizerSpec tokenizer_from_json(const fs::path& path) {
  TokenizerSpec spec;
  auto value = std::make_shared<const bj::value>(read_file(path, spec));
  const JsonObject json(*value, path.string()), model = json.object("model");
  expect_keys(json, {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                     "post_processor", "decoder", "model"});
  spec.where = path.string();
  spec.owners.push_back(value);
  const std::string_view type = model.string("type", "BPE");
  if (type == "BPE")
    read_bpe(model, spec);
  else if (type == "Unigram")
    read_unigram(model, spec);
  else if (type == "WordLevel")
    read_word_level(model, spec);
  else if (type == "WordPiece")
    read_word_piece(model, spec);
  else
    throw Error(Code::unsupported, path.string(),
                fmt::format("a tokenizer of type '{}': BPE, Unigram, WordLevel and WordPiece are supported", type));
  read_added(json, spec);
  if (spec.algorithm == TokenizerSpec::Algorithm::unigram) spec.scores.resize(spec.tokens.size(), 0);
  read_steps(json, spec);
  if (json.has("post_processor")) read_post_processor(json.object("post_processor"), spec);
  return spec;
}

}  // namespace embscope
