// Tokenizers as files keep them: tokenizer.json, vocab.json + merges.txt, GGUF metadata.
#include <algorithm>
#include <charconv>
#include <memory>

#include <fmt/format.h>

#include "base/file.h"
#include "base/lines.h"
#include "model/family.h"
#include "text/unicode.h"

namespace embscope {
namespace fs = std::filesystem;
namespace bj = boost::json;
namespace {

// Ids have few holes: a list of tokens by id must not become much larger than the file that names them.
std::int64_t most_tokens(std::size_t named) { return static_cast<std::int64_t>(2 * named + 1024); }

std::string_view text_of(const bj::string& s) { return {s.data(), s.size()}; }

// {"token": id, ...} -> tokens by id; holes stay empty.
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

// A flat {"token": id, ...}, as everybody writes vocab.json, in one pass and without a tree of 50,000 values. What is
// unusual in any way, or wrong, is left to the JSON parser, which gives the answer or the error: then this gives null.
class FlatVocabulary {
 public:
  static std::shared_ptr<const FlatVocabulary> read(std::string_view text, TokenizerSpec& spec) {
    auto flat = std::make_shared<FlatVocabulary>();
    flat->bytes_ = std::make_unique_for_overwrite<char[]>(text.size());  // what is not written takes no memory
    flat->out_ = flat->bytes_.get();
    flat->text_ = text;
    spec.tokens.clear();
    spec.tokens.reserve(text.size() / 16);
    return flat->read_all(spec) ? flat : nullptr;
  }

 private:
  static constexpr std::size_t shortest_entry = 6;  // "a":1,

  bool read_all(TokenizerSpec& spec) {
    std::size_t named = 0;
    if (!take('{')) return false;
    do {
      std::string_view token;
      std::size_t id = 0;
      if (!take('"') || !read_string(token) || !take(':') || !read_id(id) || token.empty()) return false;
      if (id >= spec.tokens.size()) spec.tokens.resize(id + 1);
      if (!spec.tokens[id].empty()) return false;
      spec.tokens[id] = token;
      ++named;
    } while (take(','));
    if (static_cast<std::int64_t>(spec.tokens.size()) > most_tokens(named)) return false;
    return take('}') && (skip_space(), at_ == text_.size());
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) ++at_;
  }
  bool take(char wanted) {
    skip_space();
    const bool there = at_ < text_.size() && text_[at_] == wanted;
    at_ += there;
    return there;
  }

  bool read_id(std::size_t& id) {
    skip_space();
    const std::size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && at_ - begin < 8; ++at_)
      id = 10 * id + static_cast<std::size_t>(text_[at_] - '0');
    const bool leading_zero = at_ - begin > 1 && text_[begin] == '0';
    return at_ > begin && !leading_zero && static_cast<std::int64_t>(id) < most_tokens(text_.size() / shortest_entry);
  }

  bool read_string(std::string_view& token) {
    char* const begin = out_;
    while (at_ < text_.size()) {
      copy_plain();
      if (at_ == text_.size()) break;
      const char c = text_[at_++];
      if (c == '"') {
        token = {begin, out_};
        return true;
      }
      if (c == '\\') {
        if (!read_escape()) return false;
        continue;
      }
      const CodePoint point = code_point(text_, at_ - 1);
      if (static_cast<unsigned char>(c) < 0x20 || point.value < 0) return false;
      out_ = std::copy_n(text_.data() + at_ - 1, point.length, out_);
      at_ += static_cast<std::size_t>(point.length) - 1;
    }
    return false;
  }

  // What is neither quoted nor escaped. Places in registers: a char written may be any byte of this object.
  void copy_plain() {
    const char *from = text_.data() + at_, *const end = text_.data() + text_.size();
    char* to = out_;
    while (from < end && static_cast<signed char>(*from) >= 0x20 && *from != '"' && *from != '\\') *to++ = *from++;
    at_ = static_cast<std::size_t>(from - text_.data());
    out_ = to;
  }

  bool read_escape() {
    if (at_ == text_.size()) return false;
    const char kind = text_[at_++];
    if (kind == '"' || kind == '\\' || kind == '/') return *out_++ = kind, true;
    unsigned code = 0;
    const char* const digits = text_.data() + at_;
    if (kind != 'u' || text_.size() - at_ < 4 || std::from_chars(digits, digits + 4, code, 16).ptr != digits + 4) return false;
    at_ += 4;
    if (code < 0x80) return *out_++ = static_cast<char>(code), code != 0;
    if (code >= 0x800) return false;  // the alphabet of bytes ends at U+0143
    *out_++ = static_cast<char>(0xc0 | code >> 6);
    *out_++ = static_cast<char>(0x80 | (code & 0x3f));
    return true;
  }

  std::unique_ptr<char[]> bytes_;  // the tokens, unescaped: no longer than the text
  char* out_ = nullptr;
  std::string_view text_;
  std::size_t at_ = 0;
};

void add_merge(std::string_view line, const std::string& where, TokenizerSpec& spec) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == line.size() ||
      line.find(' ', space + 1) != std::string_view::npos) {
    throw Error(
        Code::format, where,
        fmt::format("merge {}: expected two tokens and a space, found '{}'", spec.merges.size(), line.substr(0, 60)));
  }
  spec.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
}

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

void read_added(const JsonObject& json, TokenizerSpec& spec) {
  if (!json.has("added_tokens")) return;
  const std::int64_t most = most_tokens(spec.tokens.size() + json.array("added_tokens").size());
  for (const bj::value& value : json.array("added_tokens")) {
    const JsonObject added(value, json.where() + " 'added_tokens'");
    const std::int64_t id = added.integer("id");
    if (id < 0 || id >= most) throw Error(Code::format, added.where(), fmt::format("expected an id below {}, found {}", most, id));
    const auto i = static_cast<std::size_t>(id);
    if (i >= spec.tokens.size()) spec.tokens.resize(i + 1);
    const std::string_view content = added.string("content");
    if (!spec.tokens[i].empty() && spec.tokens[i] != content) {
      throw Error(Code::format, added.where(),
                  fmt::format("'{}' and '{}' have the same id {}", spec.tokens[i], content, id));
    }
    spec.tokens[i] = content;
    spec.added.push_back({static_cast<TokenId>(id), added.truth("special", false)});
  }
}

// One step of Hugging Face's pre-tokenizer, recognised by what it does.
void read_pre_tokenizer(const JsonObject& step, TokenizerSpec& spec) {
  const std::string_view type = step.string("type");
  if (type == "Sequence") {
    for (const bj::value& inner : step.array("pretokenizers"))
      read_pre_tokenizer(JsonObject(inner, step.where()), spec);
  } else if (type == "Digits" && step.truth("individual_digits", false)) {
    spec.pre = PreTokenizer::smollm;
  } else if (type == "ByteLevel") {
    spec.add_prefix_space = step.truth("add_prefix_space", true);
  } else if (type == "Split" && step.has("pattern") && step.object("pattern").has("Regex") &&
             step.object("pattern").string("Regex").find("\\p{N}{1,3}") != std::string_view::npos) {
    spec.pre = PreTokenizer::llama3;
  } else {
    throw Error(
        Code::unsupported, step.where(),
        fmt::format("pre-tokenizer '{}' is not known (ByteLevel, Digits one by one, and Llama 3's Split are)", type));
  }
}

TokenizerSpec from_json(const fs::path& path) {
  auto value = std::make_shared<const bj::value>(read_json(path));
  const JsonObject json(*value, path.string()), model = json.object("model");
  if (model.string("type", "BPE") != "BPE")
    throw Error(Code::unsupported, path.string(),
                fmt::format("a tokenizer of type '{}': BPE is supported", model.string("type")));
  TokenizerSpec spec;
  spec.where = path.string();
  spec.owners = {value};
  read_vocabulary(model.object("vocab").raw(), path.string() + " 'vocab'", spec);
  read_merge_list(model.array("merges"), path.string() + " 'merges'", spec);
  spec.ignore_merges = model.truth("ignore_merges", false);
  read_added(json, spec);
  if (json.has("normalizer"))
    throw Error(Code::unsupported, path.string(), "a tokenizer with a normalizer is not byte-exact and not supported");
  read_pre_tokenizer(json.object("pre_tokenizer"), spec);
  return spec;
}

TokenizerSpec from_vocabulary_and_merges(const fs::path& vocabulary, const fs::path& merges) {
  auto lines = std::make_shared<const MappedFile>(merges);
  TokenizerSpec spec;
  spec.where = vocabulary.string();
  spec.owners = {lines};
  if (auto flat = FlatVocabulary::read(MappedFile(vocabulary).text(), spec)) {
    spec.owners.push_back(flat);
  } else {
    auto value = std::make_shared<const bj::value>(read_json(vocabulary));
    spec.owners.push_back(value);
    spec.tokens.clear();
    read_vocabulary(JsonObject(*value, vocabulary.string()).raw(), vocabulary.string(), spec);
  }
  read_merge_lines(lines->text(), merges.string(), spec);
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    if (spec.tokens[id] != "<|endoftext|>") continue;
    spec.added.push_back({static_cast<TokenId>(id), true});
    spec.bos = spec.eos = static_cast<TokenId>(id);
  }
  return spec;
}

// tokenizer_config.json beside it says which tokens begin and end a text, and whether the first is put there.
void read_tokenizer_config(const fs::path& path, TokenizerSpec& spec) {
  if (!fs::exists(path)) return;
  const bj::value value = read_json(path);
  const JsonObject json(value, path.string());
  auto id_of = [&](const char* key) -> std::optional<TokenId> {
    if (!json.has(key)) return std::nullopt;
    const bj::value& token = json.raw().at(key);
    const std::string_view text =
        token.is_object() ? JsonObject(token, path.string()).string("content") : json.string(key);
    for (const auto& added : spec.added) {
      if (spec.tokens[static_cast<std::size_t>(added.id)] == text) return added.id;
    }
    return std::nullopt;
  };
  if (const auto id = id_of("bos_token")) spec.bos = id;
  if (const auto id = id_of("eos_token")) spec.eos = id;
  spec.add_bos = json.truth("add_bos_token", false);
}

template <class T>
const T& meta_list(const Archive& archive, const std::string& key) {
  const MetaValue* value = archive.meta(key);
  const T* list = value == nullptr ? nullptr : std::get_if<T>(value);
  if (list == nullptr)
    throw Error(Code::format, "gguf",
                fmt::format("{}: key '{}' is {}", archive.path().filename().string(), key,
                            value == nullptr ? "missing" : "of another type"));
  return *list;
}

bool meta_truth(const Archive& archive, const std::string& key) {
  const MetaValue* value = archive.meta(key);
  const bool* truth = value == nullptr ? nullptr : std::get_if<bool>(value);
  return truth != nullptr && *truth;
}

PreTokenizer gguf_pre_tokenizer(const Archive& archive) {
  const std::string_view name =
      archive.meta("tokenizer.ggml.pre") == nullptr ? "default" : meta_string(archive, "tokenizer.ggml.pre");
  if (name == "gpt-2" || name == "default") return PreTokenizer::gpt2;
  if (name == "smollm") return PreTokenizer::smollm;
  if (name == "llama-bpe" || name == "llama3") return PreTokenizer::llama3;
  throw Error(Code::unsupported, archive.path().filename().string(),
              fmt::format("pre-tokenizer '{}': gpt-2, smollm and llama-bpe are known", name));
}

}  // namespace

TokenizerSpec tokenizer_from_gguf(std::shared_ptr<const Archive> archive) {
  const std::string_view kind = meta_string(*archive, "tokenizer.ggml.model");
  if (kind != "gpt2")
    throw Error(Code::unsupported, archive->path().filename().string(),
                fmt::format("a tokenizer of type '{}': byte-level BPE ('gpt2') is supported", kind));
  TokenizerSpec spec;
  spec.where = archive->path().filename().string();
  spec.tokens = meta_list<std::vector<std::string_view>>(*archive, "tokenizer.ggml.tokens");
  for (std::string_view line : meta_list<std::vector<std::string_view>>(*archive, "tokenizer.ggml.merges"))
    add_merge(line, spec.where, spec);
  if (archive->meta("tokenizer.ggml.token_type") != nullptr) {
    constexpr std::int64_t control = 3, user_defined = 4;  // llama.cpp's token types
    const auto& kinds = meta_list<std::vector<std::int64_t>>(*archive, "tokenizer.ggml.token_type");
    if (kinds.size() != spec.tokens.size())
      throw Error(Code::format, spec.where,
                  fmt::format("{} token types for {} tokens", kinds.size(), spec.tokens.size()));
    for (std::size_t id = 0; id < kinds.size(); ++id) {
      if (kinds[id] == control || kinds[id] == user_defined)
        spec.added.push_back({static_cast<TokenId>(id), kinds[id] == control});
    }
  }
  spec.pre = gguf_pre_tokenizer(*archive);
  spec.add_prefix_space = meta_truth(*archive, "tokenizer.ggml.add_space_prefix");
  spec.add_bos = meta_truth(*archive, "tokenizer.ggml.add_bos_token");
  for (const auto& [key, id] :
       {std::pair{"tokenizer.ggml.bos_token_id", &spec.bos}, std::pair{"tokenizer.ggml.eos_token_id", &spec.eos}}) {
    if (archive->meta(key)) *id = nearest_id(meta_integer(*archive, key));
  }
  spec.owners = {archive};
  return spec;
}

bool holds_tokenizer(const fs::path& folder) {
  return fs::exists(folder / "tokenizer.json") ||
         (fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt")) ||
         (fs::exists(folder / "encoder.json") && fs::exists(folder / "vocab.bpe"));
}

TokenizerSpec tokenizer_from_folder(const fs::path& folder) {
  TokenizerSpec spec;
  if (fs::exists(folder / "tokenizer.json"))
    spec = from_json(folder / "tokenizer.json");
  else if (fs::exists(folder / "vocab.json"))
    spec = from_vocabulary_and_merges(folder / "vocab.json", folder / "merges.txt");
  else if (fs::exists(folder / "encoder.json"))
    spec = from_vocabulary_and_merges(folder / "encoder.json", folder / "vocab.bpe");
  else
    throw Error(Code::not_found, folder.string(), "holds no tokenizer.json and no vocab.json with merges.txt");
  read_tokenizer_config(folder / "tokenizer_config.json", spec);
  return spec;
}

}  // namespace embscope
