#include "embscope/train/vocabulary.h"

#include <algorithm>
#include <array>
#include <map>
#include <queue>
#include <set>
#include <unordered_map>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "embscope/base/error.h"
#include "text/byte_alphabet.h"
#include "text/pre_tokenizer.h"
#include "text/unicode.h"

namespace embscope {
namespace {

std::string utf8(unsigned code) {  // below 2048: all of the alphabet
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
}

// Every byte as a character of GPT-2's alphabet, and the bytes in the order of those characters: the order of its own
// ids.
struct Alphabet {
  std::array<std::string, 256> characters;
  std::vector<unsigned char> order;

  Alphabet() {
    for (unsigned code = 0; order.size() < 256; ++code) {
      char byte = 0;
      if (write_bytes_of_alphabet(utf8(code), &byte) == nullptr) continue;
      characters[static_cast<unsigned char>(byte)] = utf8(code);
      order.push_back(static_cast<unsigned char>(byte));
    }
  }
  std::string written(std::string_view bytes) const {
    std::string out;
    for (char byte : bytes) out += characters[static_cast<unsigned char>(byte)];
    return out;
  }
};

/// A spec and the texts that its views point into.
class SpecBuilder {
 public:
  explicit SpecBuilder(const std::string& where) { spec_.where = where; }

  TokenId add(const std::string& token) {
    strings_->push_back(std::make_unique<const std::string>(token));
    spec_.tokens.push_back(*strings_->back());
    return static_cast<TokenId>(spec_.tokens.size() - 1);
  }
  void merge(TokenId left, TokenId right) { spec_.merges.emplace_back(token(left), token(right)); }
  std::string_view token(TokenId id) const { return spec_.tokens[static_cast<std::size_t>(id)]; }
  TokenizerSpec finish() {
    spec_.owners.push_back(strings_);
    return std::move(spec_);
  }

 private:
  TokenizerSpec spec_;
  std::shared_ptr<std::vector<std::unique_ptr<const std::string>>> strings_ =
      std::make_shared<std::vector<std::unique_ptr<const std::string>>>();
};

// The distinct characters of a text.
std::set<std::string> characters_of(std::string_view text) {
  std::set<std::string> found;
  std::array<bool, 128> ascii{};
  for (std::size_t at = 0; at < text.size();) {
    if (const auto byte = static_cast<unsigned char>(text[at]); byte < 128) {
      ascii[byte] = true;
      ++at;
      continue;
    }
    const CodePoint c = code_point(text, at);
    if (c.value < 0)
      throw Error(Code::format, "text",
                  fmt::format("byte {} (0x{:02X}) is not UTF-8: --tokens bytes trains on any bytes", at,
                              static_cast<unsigned char>(text[at])));
    found.insert(std::string(text.substr(at, static_cast<std::size_t>(c.length))));
    at += static_cast<std::size_t>(c.length);
  }
  for (unsigned byte = 0; byte < 128; ++byte) {
    if (ascii[byte]) found.insert(std::string(1, static_cast<char>(byte)));
  }
  return found;
}

using Pair = std::pair<TokenId, TokenId>;
struct PairHash {
  std::size_t operator()(const Pair& p) const {
    const std::uint64_t both =
        static_cast<std::uint64_t>(static_cast<std::uint32_t>(p.first)) << 32 | static_cast<std::uint32_t>(p.second);
    return static_cast<std::size_t>(both * 0x9e3779b97f4a7c15 >> 16);
  }
};

/// The words of a text as ids of bytes, with the pairs in them: how often, and in which words.
class PairCounts {
 public:
  PairCounts(std::string_view text, const std::array<TokenId, 256>& of_byte) {
    std::unordered_map<std::string_view, std::int64_t> counts;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = word_end<PreTokenizer::gpt2>(text, at);
      ++counts[text.substr(at, end - at)];
      at = end;
    }
    for (const auto& [word, count] : counts) {
      Word w{{}, count};
      for (char byte : word) w.ids.push_back(of_byte[static_cast<unsigned char>(byte)]);
      words_.push_back(std::move(w));
    }
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const Word& w = words_[i];
      for (std::size_t k = 0; k + 1 < w.ids.size(); ++k) change({w.ids[k], w.ids[k + 1]}, w.count, i);
    }
    for (const auto& [pair, count] : counts_) queue_.push({count, pair});
    fresh_.clear();
  }

  /// The most frequent pair that occurs at least twice; of equally frequent pairs the one with the smaller ids.
  bool next(Pair& pair) {
    while (!queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      const std::int64_t count = counts_[best.pair];
      if (count != best.count) {  // its count has decreased since
        if (count > 0) queue_.push({count, best.pair});
        continue;
      }
      if (count < 2) return false;
      pair = best.pair;
      return true;
    }
    return false;
  }

  void merge(const Pair& pair, TokenId merged) {
    std::vector<std::size_t> in = std::move(places_[pair]);
    places_.erase(pair);
    std::sort(in.begin(), in.end());
    in.erase(std::unique(in.begin(), in.end()), in.end());
    for (std::size_t word : in) merge_in(word, pair, merged);
    counts_[pair] = 0;
    for (const Pair& p : fresh_) queue_.push({counts_[p], p});
    fresh_.clear();
  }

 private:
  struct Word {
    std::vector<TokenId> ids;
    std::int64_t count;
  };
  struct Candidate {
    std::int64_t count;
    Pair pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  void change(const Pair& pair, std::int64_t by, std::size_t word) {
    counts_[pair] += by;
    if (by <= 0) return;
    auto& places = places_[pair];
    if (places.empty() || places.back() != word) places.push_back(word);
    fresh_.insert(pair);
  }

  void merge_in(std::size_t index, const Pair& pair, TokenId merged) {
    Word& w = words_[index];
    std::vector<TokenId> out;
    for (std::size_t k = 0; k < w.ids.size(); ++k) {
      if (k + 1 == w.ids.size() || w.ids[k] != pair.first || w.ids[k + 1] != pair.second) {
        out.push_back(w.ids[k]);
        continue;
      }
      if (!out.empty()) change({out.back(), pair.first}, -w.count, index), change({out.back(), merged}, w.count, index);
      if (k + 2 < w.ids.size())
        change({pair.second, w.ids[k + 2]}, -w.count, index), change({merged, w.ids[k + 2]}, w.count, index);
      out.push_back(merged);
      ++k;
    }
    w.ids = std::move(out);
  }

  std::vector<Word> words_;
  std::unordered_map<Pair, std::int64_t, PairHash> counts_;
  std::unordered_map<Pair, std::vector<std::size_t>, PairHash> places_;
  std::priority_queue<Candidate> queue_;
  std::set<Pair> fresh_;  // whose counts rose since they were last put into the queue
};

boost::json::object byte_level(bool regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", regex}};
}

// Writes the tokenizers that a run can train with: those made here, and those like GPT-2's.
void expect_writable(const TokenizerSpec& spec) {
  const auto refuse = [](const char* what) {
    throw Error(Code::unsupported, "tokenizer",
                fmt::format("{} cannot be written: train with a tokenizer like GPT-2's", what));
  };
  if (spec.pre != PreTokenizer::gpt2 && spec.pre != PreTokenizer::smollm) refuse("this pre-tokenizer");
  if (!spec.cuts.empty()) refuse("a pre-tokenizer of several steps");
  if (!spec.normalizer.empty()) refuse("a normalizer");
  if (!spec.byte_level || spec.algorithm != TokenizerSpec::Algorithm::merges || spec.unk)
    refuse("a vocabulary that is not byte-level");
  for (const TokenizerSpec::Added& a : spec.added)
    if (a.normalized || a.lstrip || a.rstrip || a.single_word) refuse("an added token with options");
}

boost::json::value pre_tokenizer_json(PreTokenizer pre, bool prefix) {
  boost::json::object level = byte_level(true);
  level["add_prefix_space"] = prefix;
  if (pre == PreTokenizer::gpt2) return level;
  const boost::json::object digits = {{"type", "Digits"}, {"individual_digits", true}};
  return boost::json::object{{"type", "Sequence"}, {"pretokenizers", boost::json::array{digits, level}}};
}

// The tokens around a text, as a template; null where there are none.
boost::json::value post_processor_json(const TokenizerSpec& spec) {
  if (spec.prefix.empty() && spec.suffix.empty()) return nullptr;
  boost::json::array pieces;
  boost::json::object special;
  const auto add = [&](TokenId id) {
    const std::string_view content = spec.tokens[static_cast<std::size_t>(id)];
    const boost::json::string name(content.data(), content.size());
    pieces.push_back(boost::json::object{{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
    special[name] =
        boost::json::object{{"id", name}, {"ids", boost::json::array{id}}, {"tokens", boost::json::array{name}}};
  };
  for (TokenId id : spec.prefix) add(id);
  pieces.push_back(boost::json::object{{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  for (TokenId id : spec.suffix) add(id);
  boost::json::array pair = pieces;
  pair.push_back(boost::json::object{{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  return boost::json::object{
      {"type", "TemplateProcessing"}, {"single", pieces}, {"pair", pair}, {"special_tokens", special}};
}

boost::json::string_view view(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

std::string tokenizer_json(const TokenizerSpec& spec) {
  expect_writable(spec);
  boost::json::object vocabulary;
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    if (!spec.tokens[id].empty()) vocabulary[view(spec.tokens[id])] = id;
  }
  boost::json::array merges, added;
  for (const auto& [left, right] : spec.merges) merges.push_back(boost::json::array{view(left), view(right)});
  for (const TokenizerSpec::Added& a : spec.added) {
    const std::string_view content = spec.tokens[static_cast<std::size_t>(a.id)];
    added.push_back({{"id", a.id},
                     {"content", view(content)},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", a.special}});
  }
  const boost::json::object model = {{"type", "BPE"},
                                     {"dropout", nullptr},
                                     {"unk_token", nullptr},
                                     {"continuing_subword_prefix", ""},
                                     {"end_of_word_suffix", ""},
                                     {"fuse_unk", false},
                                     {"byte_fallback", false},
                                     {"ignore_merges", spec.ignore_merges},
                                     {"vocab", std::move(vocabulary)},
                                     {"merges", std::move(merges)}};
  const boost::json::object json = {{"version", "1.0"},
                                    {"truncation", nullptr},
                                    {"padding", nullptr},
                                    {"added_tokens", std::move(added)},
                                    {"normalizer", nullptr},
                                    {"pre_tokenizer", pre_tokenizer_json(spec.pre, spec.add_prefix_space)},
                                    {"post_processor", post_processor_json(spec)},
                                    {"decoder", byte_level(true)},
                                    {"model", model}};
  return boost::json::serialize(json) + "\n";
}

TokenizerSpec bytes_vocabulary() {
  const Alphabet alphabet;
  SpecBuilder spec("bytes");
  for (unsigned byte = 0; byte < 256; ++byte) spec.add(alphabet.characters[byte]);
  return spec.finish();
}

TokenizerSpec character_vocabulary(std::string_view text) {
  if (text.empty()) throw Error(Code::usage, "text", "is empty");
  const Alphabet alphabet;
  const std::set<std::string> characters = characters_of(text);
  SpecBuilder spec("characters");
  std::map<std::string, TokenId> ids;  // of bytes and of the beginnings of characters, by their bytes
  auto id_of = [&](const std::string& bytes) {
    const auto [at, is_new] = ids.try_emplace(bytes, 0);
    if (is_new) at->second = spec.add(alphabet.written(bytes));
    return at->second;
  };
  for (const std::string& c : characters) {
    for (char byte : c) id_of(std::string(1, byte));
  }
  for (const std::string& c : characters) {
    for (std::size_t length = 2; length <= c.size(); ++length) {
      const std::string whole = c.substr(0, length);
      if (ids.contains(whole)) continue;
      const TokenId left = ids.at(c.substr(0, length - 1)), right = ids.at(c.substr(length - 1, 1));
      id_of(whole);
      spec.merge(left, right);
    }
  }
  return spec.finish();
}

void check_bpe(std::string_view text, std::int64_t size) {
  if (text.empty()) throw Error(Code::usage, "text", "is empty");
  if (size < 256 || size > 1 << 20)
    throw Error(Code::usage, "vocabulary", fmt::format("{} tokens: choose 256 (the bytes) to {}", size, 1 << 20));
}

TokenizerSpec bpe_vocabulary(std::string_view text, std::int64_t size, const Progress& progress) {
  check_bpe(text, size);
  const Alphabet alphabet;
  SpecBuilder spec("byte-pair encoding");
  std::array<TokenId, 256> of_byte{};
  std::vector<std::string> bytes;
  for (unsigned char byte : alphabet.order) {
    of_byte[byte] = spec.add(alphabet.characters[byte]);
    bytes.emplace_back(1, static_cast<char>(byte));
  }
  PairCounts counts(text, of_byte);
  std::unordered_map<std::string, TokenId> known;  // the same bytes may be merged in two ways
  for (std::size_t id = 0; id < bytes.size(); ++id) known[bytes[id]] = static_cast<TokenId>(id);
  for (Pair pair; static_cast<std::int64_t>(bytes.size()) < size && counts.next(pair);) {
    const std::string whole =
        bytes[static_cast<std::size_t>(pair.first)] + bytes[static_cast<std::size_t>(pair.second)];
    const auto [at, is_new] = known.try_emplace(whole, static_cast<TokenId>(bytes.size()));
    if (is_new) {
      spec.add(alphabet.written(whole));
      bytes.push_back(whole);
    }
    spec.merge(pair.first, pair.second);
    counts.merge(pair, at->second);
    if (bytes.size() % 64 == 0)
      report(progress, static_cast<double>(bytes.size() - 256) / static_cast<double>(size - 256 + 1), "merging pairs");
  }
  return spec.finish();
}

TokenizerSpec word_vocabulary(std::string_view text) {
  constexpr std::int64_t most = 8192;
  return bpe_vocabulary(text, most);
}

}  // namespace embscope
