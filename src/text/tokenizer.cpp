#include "embscope/tokenizer.h"

#include <fmt/format.h>

#include "embscope/error.h"
#include "text/added_tokens.h"
#include "text/encoder.h"
#include "text/merge_reader.h"
#include "text/unicode.h"

namespace embscope {

struct Tokenizer::Parts {
  explicit Parts(const TokenizerSpec& spec)
      : vocabulary(spec),
        merges(read_merges(spec, vocabulary)),
        added(vocabulary),
        rules{spec.pre, spec.ignore_merges},
        add_prefix_space(spec.add_prefix_space),
        add_bos(spec.add_bos),
        bos(spec.bos),
        eos(spec.eos) {}

  void check_id(TokenId id) const {
    if (vocabulary.has(id)) return;
    throw Error(Code::range, "tokenizer",
                fmt::format("token id {}: the vocabulary has ids 0..{}", id, vocabulary.size() - 1));
  }
  void encode(std::string_view text, bool special, TokenWriter out) const;
  void encode_plain(std::string_view text, std::size_t begin, std::size_t end, Encoder& encoder,
                    TokenWriter& out) const;

  Vocabulary vocabulary;
  MergeTable merges;
  AddedTokens added;
  Encoder::Rules rules;
  bool add_prefix_space, add_bos;
  std::optional<TokenId> bos, eos;
  mutable WordCaches caches;
};

void Tokenizer::Parts::encode_plain(std::string_view text, std::size_t begin, std::size_t end, Encoder& encoder,
                                    TokenWriter& out) const {
  if (begin == end) return;
  const std::string_view part = text.substr(begin, end - begin);
  if (!add_prefix_space || class_at(part, 0) == CharClass::space) return encoder.encode(part, begin);
  const std::size_t first = out.size();
  encoder.encode(" " + std::string(part), begin - 1);
  out.set_begin(first, begin);  // it does not count the space that is not in the text
}

void Tokenizer::Parts::encode(std::string_view text, bool special, TokenWriter out) const {
  auto cache = caches.borrow(text.size());
  Encoder encoder(vocabulary, merges, rules, *cache, out);
  for (std::size_t begin = 0; begin < text.size();) {
    const auto [at, id] = added.next(vocabulary, text, begin, special);
    encode_plain(text, begin, at, encoder, out);
    begin = at;
    if (id == Vocabulary::none) break;
    begin += vocabulary.length(id);
    out.write(id, at, begin);
  }
  out.finish();
  caches.give_back(std::move(cache));
}

Tokenizer::Tokenizer(TokenizerSpec spec) : parts_(std::make_unique<const Parts>(spec)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Tokens Tokenizer::encode(std::string_view text, bool special) const {
  Tokens tokens;
  parts_->encode(text, special, TokenWriter(text.size(), tokens.ids, &tokens.ranges));
  return tokens;
}

std::vector<TokenId> Tokenizer::encode_ids(std::string_view text, bool special) const {
  std::vector<TokenId> ids;
  parts_->encode(text, special, TokenWriter(text.size(), ids, nullptr));
  return ids;
}

Tokens Tokenizer::with_bos(std::string_view text, bool special) const {
  Tokens tokens = encode(text, special);
  if (parts_->add_bos && parts_->bos) {
    tokens.ids.insert(tokens.ids.begin(), *parts_->bos);
    tokens.ranges.insert(tokens.ranges.begin(), ByteRange{0, 0});
  }
  return tokens;
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string out;
  for (TokenId id : ids) {
    parts_->check_id(id);
    out += parts_->vocabulary.bytes(id);
  }
  return out;
}

std::string Tokenizer::bytes(TokenId id) const {
  parts_->check_id(id);
  return std::string(parts_->vocabulary.bytes(id));
}

std::string Tokenizer::label(TokenId id) const { return visible(bytes(id)); }

std::optional<TokenId> Tokenizer::find(std::string_view bytes) const {
  const TokenId id = bytes.empty() ? -1 : parts_->vocabulary.find(bytes);
  return id < 0 ? std::nullopt : std::optional(id);
}

bool Tokenizer::is_special(TokenId id) const {
  parts_->check_id(id);
  return parts_->vocabulary.kind(id) == Vocabulary::Kind::special;
}

TokenId Tokenizer::size() const { return parts_->vocabulary.size(); }
PreTokenizer Tokenizer::pre_tokenizer() const { return parts_->rules.pre; }
std::optional<TokenId> Tokenizer::bos() const { return parts_->bos; }
std::optional<TokenId> Tokenizer::eos() const { return parts_->eos; }

WordToken word_token(const Tokenizer& tokenizer, std::string_view word) {
  if (word.empty()) throw Error(Code::usage, "word", "a word is empty");
  WordToken token{std::string(word), 0, tokenizer.encode(word).ids};
  token.id = token.pieces.back();
  return token;
}

}  // namespace embscope
