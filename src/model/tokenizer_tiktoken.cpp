// tiktoken's files: a line for each token, its bytes in base64 and its rank. A word that is a token stays whole;
// another is merged from its bytes, the pair whose token has the lowest rank first.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/file.h"
#include "base/lines.h"
#include "model/base64.h"
#include "model/tokenizer_files.h"

namespace embscope {
namespace fs = std::filesystem;
namespace bj = boost::json;
namespace {

// tiktoken's own patterns as Oniguruma writes them: \z for the $ that is the end of the text there, and no + behind
// {1,3}, which would repeat it.
constexpr std::string_view cl100k_pattern =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++\z|\s*[\r\n]|\s+(?!\S)|\s)";
constexpr std::string_view kimi_pattern =
    R"([\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// A special token, or several that differ in a number: "<|extra_{}|>" from 0 for the ids from `first` on.
struct Special {
  std::string_view text;
  TokenId first, count = 1;
  int number = 0;
};

struct Encoding {
  std::string_view name;  // of the file, or of the class that reads it
  std::string_view pattern;
  std::vector<Special> special;
  std::string_view bos = {}, eos = {};
  bool nfc = false, puts_bos = false;
};

const std::vector<Encoding>& encodings() {
  static const std::vector<Special> qwen = {
      {"<|endoftext|>", 151643}, {"<|im_start|>", 151644}, {"<|im_end|>", 151645}, {"<|extra_{}|>", 151646, 205}};
  static const std::vector<Special> llama3 = {{"<|begin_of_text|>", 128000},
                                              {"<|end_of_text|>", 128001},
                                              {"<|reserved_special_token_{}|>", 128002, 4},
                                              {"<|start_header_id|>", 128006},
                                              {"<|end_header_id|>", 128007},
                                              {"<|reserved_special_token_4|>", 128008},
                                              {"<|eot_id|>", 128009},
                                              {"<|reserved_special_token_{}|>", 128010, 246, 5}};
  constexpr std::string_view end = "<|endoftext|>";
  static const std::vector<Encoding> all = {
      {"gpt2", gpt2_pattern, {{end, 50256}}, {}, end},
      {"r50k_base", gpt2_pattern, {{end, 50256}}, {}, end},
      {"p50k_base", gpt2_pattern, {{end, 50256}}, {}, end},
      {"cl100k_base",
       cl100k_pattern,
       {{end, 100257},
        {"<|fim_prefix|>", 100258},
        {"<|fim_middle|>", 100259},
        {"<|fim_suffix|>", 100260},
        {"<|endofprompt|>", 100276}},
       {},
       end},
      {"o200k_base", o200k_pattern, {{end, 199999}, {"<|endofprompt|>", 200018}}, {}, end},
      {"o200k_harmony",
       o200k_pattern,
       {{"<|startoftext|>", 199998},
        {end, 199999},
        {"<|reserved_{}|>", 200000, 2, 200000},
        {"<|return|>", 200002},
        {"<|constrain|>", 200003},
        {"<|reserved_200004|>", 200004},
        {"<|channel|>", 200005},
        {"<|start|>", 200006},
        {"<|end|>", 200007},
        {"<|message|>", 200008},
        {"<|reserved_{}|>", 200009, 3, 200009},
        {"<|call|>", 200012},
        {"<|reserved_{}|>", 200013, 5, 200013},
        {"<|endofprompt|>", 200018},
        {"<|reserved_{}|>", 200019, 1069, 200019}},
       "<|startoftext|>",
       "<|return|>"},
      {"qwen", qwen2_pattern, qwen, {}, end, true},
      {"QWenTokenizer", qwen2_pattern, qwen, {}, end, true},
      {"llama3", llama3_pattern, llama3, "<|begin_of_text|>", "<|end_of_text|>", false, true},
      {"ChatGLM4Tokenizer", llama3_pattern, {}, {}, end},
      {"TikTokenTokenizer", kimi_pattern, {}, "[BOS]", "[EOS]"},
  };
  return all;
}

const Encoding* encoding_named(std::string_view name) {
  const auto found = std::ranges::find(encodings(), name, &Encoding::name);
  return found == encodings().end() ? nullptr : &*found;
}

bj::value config_beside(const fs::path& path) {
  const fs::path config = path.parent_path() / "tokenizer_config.json";
  return fs::exists(config) ? read_json(config) : bj::value(bj::object());
}

const Encoding& encoding_of(const fs::path& path, const JsonObject& config, std::size_t tokens) {
  if (const Encoding* named = encoding_named(path.stem().string()); named && path.extension() == ".tiktoken")
    return *named;
  if (const Encoding* named = encoding_named(config.string("tokenizer_class", ""))) return *named;
  if (path.extension() == ".model" && tokens == 128000) return *encoding_named("llama3");
  std::string known;
  for (const Encoding& encoding : encodings()) known += (known.empty() ? "" : ", ") + std::string(encoding.name);
  throw Error(
      Code::unsupported, path.string(),
      fmt::format("a file of tiktoken's does not say at which pattern text is cut: name it NAME.tiktoken, or the "
                  "class in tokenizer_config.json beside it, with one of {}",
                  known));
}

class TiktokenReader {
 public:
  TiktokenReader(std::string_view text, TokenizerSpec& spec) : text_(without_mark(text)), spec_(spec) {
    bytes_->reserve(text.size());  // so that what was read stays where it is
  }

  void read() {
    std::size_t line = 0;
    while (!text_.empty()) {
      const std::string_view one = take_line(text_);
      ++line;
      if (!one.empty()) read_line(one, line);
    }
    spec_.owners.push_back(bytes_);
    spec_.scores.resize(spec_.tokens.size());
    for (std::size_t id = 0; id < spec_.tokens.size(); ++id) spec_.scores[id] = -static_cast<double>(id);
  }

 private:
  void read_line(std::string_view line, std::size_t number) {
    const std::size_t space = line.find(' ');
    const std::string_view rank = space == std::string_view::npos ? "" : line.substr(space + 1);
    std::size_t id = 0;
    const auto [end, error] = std::from_chars(rank.data(), rank.data() + rank.size(), id);
    const auto token = base64(line.substr(0, space));
    if (error != std::errc() || end != rank.data() + rank.size() || !token || token->empty())
      refuse(number, fmt::format("expected a token in base64 and its rank, found '{}'", visible(line.substr(0, 60))));
    if (static_cast<std::int64_t>(id) >= most_tokens(number + text_.size() / 6))
      refuse(number, fmt::format("the rank {} is beyond the number of tokens", id));
    if (id >= spec_.tokens.size()) spec_.tokens.resize(id + 1);
    if (!spec_.tokens[id].empty()) refuse(number, fmt::format("the rank {} is there twice", id));
    const std::size_t begin = bytes_->size();
    *bytes_ += *token;
    spec_.tokens[id] = std::string_view(*bytes_).substr(begin);
  }
  [[noreturn]] void refuse(std::size_t line, const std::string& what) const {
    throw Error(Code::format, spec_.where, fmt::format("line {}: {}", line, what));
  }

  std::string_view text_;
  TokenizerSpec& spec_;
  std::shared_ptr<std::string> bytes_ = std::make_shared<std::string>();
};

void add_special(const std::string& text, std::int64_t id, TokenizerSpec& spec, bool special,
                 std::vector<std::string>& texts) {
  const auto i = static_cast<std::size_t>(id);
  if (i >= spec.tokens.size()) spec.tokens.resize(i + 1);
  if (!spec.tokens[i].empty())
    throw Error(Code::format, spec.where,
                fmt::format("the special token '{}' has the id {}, which the token '{}' has", text, id,
                            visible(spec.tokens[i])));
  spec.tokens[i] = texts.emplace_back(text);
  spec.added.push_back({.id = static_cast<TokenId>(id), .special = special});
}

// The special tokens of the configuration beside the file, or else those that the encoding is known to have.
void read_special(const Encoding& encoding, const JsonObject& config, TokenizerSpec& spec) {
  auto texts = std::make_shared<std::vector<std::string>>();
  texts->reserve(4096);  // views point into them
  const auto add = [&](const std::string& text, std::int64_t id, bool special) {
    if (texts->size() == texts->capacity())
      throw Error(Code::unsupported, spec.where, fmt::format("more than {} special tokens", texts->size()));
    add_special(text, id, spec, special, *texts);
  };
  if (config.has("added_tokens_decoder")) {
    for (const auto& [key, value] : config.object("added_tokens_decoder").raw()) {
      const JsonObject token(value, config.where() + " 'added_tokens_decoder'");
      std::int64_t id = -1;
      std::from_chars(key.data(), key.data() + key.size(), id);
      if (id < 0 || id >= most_tokens(spec.tokens.size()))
        throw Error(
            Code::format, token.where(),
            fmt::format("expected ids below {}, found '{}'", most_tokens(spec.tokens.size()), std::string(key)));
      add(std::string(token.string("content")), id, token.truth("special", false));
    }
  } else {
    for (const Special& special : encoding.special) {
      for (int i = 0; i < special.count; ++i)
        add(special.count == 1 ? std::string(special.text)
                               : fmt::format(fmt::runtime(special.text), special.number + i),
            special.first + i, true);
    }
  }
  spec.owners.push_back(texts);
  spec.scores.resize(spec.tokens.size());
}

std::optional<TokenId> special_named(const TokenizerSpec& spec, std::string_view text) {
  for (const auto& added : spec.added)
    if (spec.tokens[static_cast<std::size_t>(added.id)] == text) return added.id;
  return std::nullopt;
}

}  // namespace

bool is_tiktoken(const fs::path& path) {
  const MappedFile file(path);
  std::string_view text = without_mark(file.text().substr(0, 4096));
  if (text.empty()) return false;
  const std::string_view line = take_line(text);
  const std::size_t space = line.find(' ');
  const std::string_view rank = space == std::string_view::npos ? "" : line.substr(space + 1);
  return !rank.empty() && space > 0 && rank.find_first_not_of("0123456789") == std::string_view::npos &&
         base64(line.substr(0, space)).has_value();
}

TokenizerSpec tokenizer_from_tiktoken(const fs::path& path) {
  const MappedFile file(path);
  TokenizerSpec spec;
  spec.where = path.string();
  spec.algorithm = TokenizerSpec::Algorithm::scores;
  spec.raw_bytes = spec.ignore_merges = true;
  TiktokenReader(file.text(), spec).read();
  if (spec.tokens.empty()) throw Error(Code::format, spec.where, "holds no tokens");
  const bj::value value = config_beside(path);
  const JsonObject config(value, (path.parent_path() / "tokenizer_config.json").string());
  const Encoding& encoding = encoding_of(path, config, spec.tokens.size());
  read_special(encoding, config, spec);
  cut_at(encoding.pattern, spec);
  if (encoding.nfc) spec.normalizer.emplace_back().kind = NormalizerStep::Kind::nfc;
  spec.bos = special_named(spec, encoding.bos);
  spec.eos = special_named(spec, encoding.eos);
  if (encoding.puts_bos && spec.bos) spec.prefix = {*spec.bos};
  if (encoding.name == "ChatGLM4Tokenizer") {
    for (const char* before : {"[gMASK]", "<sop>"})
      if (const auto id = special_named(spec, before)) spec.prefix.push_back(*id);
  }
  return spec;
}

}  // namespace embscope
