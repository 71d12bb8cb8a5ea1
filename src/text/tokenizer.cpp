#include "embscope/tokenizer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "embscope/error.h"
#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/pre_tokenizer.h"

namespace embscope {
namespace {

// bytes -> id, open addressing over token ids whose bytes lie in an arena.
class TokenTable {
 public:
  void reserve(std::size_t count) { slots_.assign(std::bit_ceil(std::max<std::size_t>(16, count * 2)), -1); }

  template <class BytesOf>
  std::size_t place(std::string_view bytes, const BytesOf& bytes_of) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash(bytes) & mask;
    while (slots_[at] >= 0 && bytes_of(slots_[at]) != bytes) at = (at + 1) & mask;
    return at;
  }
  TokenId& operator[](std::size_t place) { return slots_[place]; }
  TokenId operator[](std::size_t place) const { return slots_[place]; }

 private:
  static std::size_t hash(std::string_view bytes) {
    std::uint64_t h = bytes.size() * 0x9e3779b97f4a7c15;
    while (bytes.size() >= 8) {
      std::uint64_t word;
      std::memcpy(&word, bytes.data(), 8);
      h = (h ^ word) * 0xff51afd7ed558ccd;
      h ^= h >> 32;
      bytes.remove_prefix(8);
    }
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), bytes.size());
    h = (h ^ word) * 0xff51afd7ed558ccd;
    return static_cast<std::size_t>(h ^ h >> 29);
  }
  std::vector<TokenId> slots_;
};

}  // namespace

struct Tokenizer::Parts {
  explicit Parts(TokenizerSpec s);

  std::string_view bytes_of(TokenId id) const {
    const auto i = static_cast<std::size_t>(id);
    return std::string_view(arena).substr(starts[i], starts[i + 1] - starts[i]);
  }
  TokenId find(std::string_view bytes) const {
    return table[table.place(bytes, [this](TokenId id) { return bytes_of(id); })];
  }
  void check_id(TokenId id) const {
    if (id < 0 || id >= size()) throw Error(Code::range, "tokenizer", fmt::format("token id {}: the vocabulary has ids 0..{}", id, size() - 1));
  }
  TokenId size() const { return static_cast<TokenId>(starts.size() - 1); }
  void encode_word(std::string_view text, std::size_t begin, std::size_t end, Tokens& out, std::vector<TokenId>& symbols) const;
  void encode_plain(std::string_view text, std::size_t begin, std::size_t end, Tokens& out) const;
  TokenId added_at(std::string_view text, std::size_t at, bool special) const;

  TokenizerSpec spec;
  std::string arena;                         // every token's bytes, one after the other
  std::vector<std::uint32_t> starts;         // [size + 1]
  TokenTable table;
  MergeTable merges;
  std::array<TokenId, 256> byte_tokens{};
  std::vector<std::uint8_t> kinds;           // by id: 0 normal, 1 added, 2 special
  std::array<std::vector<TokenId>, 256> added_by_first_byte;  // longest first

 private:
  void read_tokens();
  void read_merges();
  void read_added();
  [[noreturn]] void refuse(const std::string& message) const { throw Error(Code::format, spec.where.empty() ? "tokenizer" : spec.where, message); }
};

Tokenizer::Parts::Parts(TokenizerSpec s) : spec(std::move(s)) {
  if (spec.tokens.empty()) refuse("the vocabulary is empty");
  if (spec.tokens.size() > (1u << 26)) refuse(fmt::format("{} tokens: at most {} are read", spec.tokens.size(), 1u << 26));
  kinds.resize(spec.tokens.size());
  for (const auto& added : spec.added) {
    if (added.id < 0 || static_cast<std::size_t>(added.id) >= spec.tokens.size()) {
      refuse(fmt::format("added token id {}: the vocabulary has ids 0..{}", added.id, spec.tokens.size() - 1));
    }
    kinds[static_cast<std::size_t>(added.id)] = added.special ? 2 : 1;
  }
  for (const auto& [id, what] : {std::pair{spec.bos, "beginning-of-text"}, std::pair{spec.eos, "end-of-text"}}) {
    if (id && (*id < 0 || static_cast<std::size_t>(*id) >= spec.tokens.size())) refuse(fmt::format("the {} id {} is not in the vocabulary", what, *id));
  }
  read_tokens();
  read_merges();
  read_added();
}

void Tokenizer::Parts::read_tokens() {
  std::size_t total = 0;
  for (std::string_view token : spec.tokens) total += token.size();
  if (total > UINT32_MAX) refuse("the vocabulary's texts exceed 4 GiB");
  arena.reserve(total);
  starts.reserve(spec.tokens.size() + 1);
  starts.push_back(0);
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    if (kinds[id] != 0) {
      arena += spec.tokens[id];
    } else {
      const std::size_t before = arena.size();
      if (!append_bytes_of_alphabet(spec.tokens[id], arena)) {  // written outside the alphabet: its own UTF-8
        arena.resize(before);
        arena += spec.tokens[id];
      }
    }
    starts.push_back(static_cast<std::uint32_t>(arena.size()));
  }
  table.reserve(spec.tokens.size());
  for (TokenId id = 0; id < size(); ++id) {
    const std::string_view bytes = bytes_of(id);
    if (bytes.empty()) continue;  // a hole in the ids
    const std::size_t place = table.place(bytes, [this](TokenId other) { return bytes_of(other); });
    if (table[place] < 0) {
      table[place] = id;
    } else if (kinds[static_cast<std::size_t>(id)] == 0 && kinds[static_cast<std::size_t>(table[place])] == 0) {
      refuse(fmt::format("tokens {} and {} are the same: '{}'", table[place], id, visible(bytes)));
    } else if (kinds[static_cast<std::size_t>(id)] == 0) {
      table[place] = id;  // plain text never gives an added token: the ordinary one is found
    }
  }
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    byte_tokens[static_cast<std::size_t>(byte)] = find({&c, 1});
  }
}

void Tokenizer::Parts::read_merges() {
  merges.reserve(spec.merges.size());
  std::string bytes;
  for (std::size_t rank = 0; rank < spec.merges.size(); ++rank) {
    const auto& [left, right] = spec.merges[rank];
    bytes.clear();
    bool valid = append_bytes_of_alphabet(left, bytes);
    const std::size_t cut = bytes.size();
    valid = valid && append_bytes_of_alphabet(right, bytes);
    const std::string_view whole = bytes;
    const TokenId a = valid ? find(whole.substr(0, cut)) : -1, b = valid ? find(whole.substr(cut)) : -1, merged = valid ? find(whole) : -1;
    if (a < 0 || b < 0 || merged < 0) {
      refuse(fmt::format("merge {} ('{}' + '{}') refers to a token that is not in the vocabulary", rank, visible(left), visible(right)));
    }
    merges.insert(a, b, {static_cast<std::uint32_t>(rank), merged});  // of equal pairs the first counts, as everywhere
  }
}

void Tokenizer::Parts::read_added() {
  for (TokenId id = 0; id < size(); ++id) {
    const std::string_view bytes = bytes_of(id);
    if (kinds[static_cast<std::size_t>(id)] != 0 && !bytes.empty()) added_by_first_byte[static_cast<unsigned char>(bytes[0])].push_back(id);
  }
  for (auto& list : added_by_first_byte) {
    std::stable_sort(list.begin(), list.end(), [this](TokenId a, TokenId b) { return bytes_of(a).size() > bytes_of(b).size(); });
  }
}

TokenId Tokenizer::Parts::added_at(std::string_view text, std::size_t at, bool special) const {
  for (TokenId id : added_by_first_byte[static_cast<unsigned char>(text[at])]) {
    const bool wanted = special || kinds[static_cast<std::size_t>(id)] == 1;
    if (wanted && text.substr(at, bytes_of(id).size()) == bytes_of(id)) return id;
  }
  return -1;
}

void Tokenizer::Parts::encode_word(std::string_view text, std::size_t begin, std::size_t end, Tokens& out, std::vector<TokenId>& symbols) const {
  const std::string_view word = text.substr(begin, end - begin);
  if (spec.ignore_merges) {
    if (const TokenId id = find(word); id >= 0) {
      out.ids.push_back(id);
      out.ranges.push_back({begin, end});
      return;
    }
  }
  symbols.clear();
  for (unsigned char byte : word) {
    if (byte_tokens[byte] < 0) throw Error(Code::unsupported, "tokenizer", fmt::format("the vocabulary has no token for the byte 0x{:02X} at {}", byte, begin));
    symbols.push_back(byte_tokens[byte]);
  }
  merge_pairs(merges, symbols);
  for (TokenId id : symbols) {
    const std::size_t next = begin + bytes_of(id).size();
    out.ids.push_back(id);
    out.ranges.push_back({begin, next});
    begin = next;
  }
}

void Tokenizer::Parts::encode_plain(std::string_view text, std::size_t begin, std::size_t end, Tokens& out) const {
  if (begin == end) return;
  std::vector<TokenId> symbols;
  if (!spec.add_prefix_space || char_class(code_point(text, begin).value) == CharClass::space) {
    const std::string_view part = text.substr(begin, end - begin);
    for_words(part, spec.pre, [&](std::size_t b, std::size_t e) { encode_word(part, b, e, out, symbols); });
  } else {  // the first token's range does not count the space that is not in the text
    const std::string part = " " + std::string(text.substr(begin, end - begin));
    const std::size_t first = out.ranges.size();
    for_words(part, spec.pre, [&](std::size_t b, std::size_t e) { encode_word(part, b, e, out, symbols); });
    for (std::size_t i = first; i < out.ranges.size(); ++i) {
      out.ranges[i] = {std::max<std::uint64_t>(out.ranges[i].begin, 1) - 1, out.ranges[i].end - 1};
    }
  }
}

Tokenizer::Tokenizer(TokenizerSpec spec) : parts_(std::make_unique<const Parts>(std::move(spec))) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Tokens Tokenizer::encode(std::string_view text, bool special) const {
  Tokens out;
  auto plain = [&](std::size_t begin, std::size_t end) {
    const std::size_t first = out.ranges.size();
    parts_->encode_plain(text, begin, end, out);
    for (std::size_t i = first; i < out.ranges.size(); ++i) out.ranges[i] = {out.ranges[i].begin + begin, out.ranges[i].end + begin};
  };
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const TokenId id = parts_->added_at(text, at, special);
    if (id < 0) {
      ++at;
      continue;
    }
    plain(begin, at);
    const std::size_t end = at + parts_->bytes_of(id).size();
    out.ids.push_back(id);
    out.ranges.push_back({at, end});
    begin = at = end;
  }
  plain(begin, text.size());
  return out;
}

Tokens Tokenizer::with_bos(std::string_view text, bool special) const {
  Tokens tokens = encode(text, special);
  if (parts_->spec.add_bos && parts_->spec.bos) {
    tokens.ids.insert(tokens.ids.begin(), *parts_->spec.bos);
    tokens.ranges.insert(tokens.ranges.begin(), ByteRange{0, 0});
  }
  return tokens;
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string out;
  for (TokenId id : ids) {
    parts_->check_id(id);
    out += parts_->bytes_of(id);
  }
  return out;
}

std::string Tokenizer::bytes(TokenId id) const {
  parts_->check_id(id);
  return std::string(parts_->bytes_of(id));
}

std::string Tokenizer::label(TokenId id) const { return visible(bytes(id)); }

std::optional<TokenId> Tokenizer::find(std::string_view bytes) const {
  const TokenId id = bytes.empty() ? -1 : parts_->find(bytes);
  return id < 0 ? std::nullopt : std::optional(id);
}

bool Tokenizer::is_special(TokenId id) const {
  parts_->check_id(id);
  return parts_->kinds[static_cast<std::size_t>(id)] == 2;
}

TokenId Tokenizer::size() const { return parts_->size(); }
PreTokenizer Tokenizer::pre_tokenizer() const { return parts_->spec.pre; }
std::optional<TokenId> Tokenizer::bos() const { return parts_->spec.bos; }
std::optional<TokenId> Tokenizer::eos() const { return parts_->spec.eos; }

WordToken word_token(const Tokenizer& tokenizer, std::string_view word) {
  if (word.empty()) throw Error(Code::usage, "word", "a word is empty");
  WordToken token{std::string(word), 0, tokenizer.encode(word).ids};
  token.id = token.pieces.back();
  return token;
}

}  // namespace embscope
