#include "embscope/text/tokenizer.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "embscope/base/error.h"
#include "text/added_tokens.h"
#include "text/encoder.h"
#include "text/normalizer.h"
#include "text/typed_tokens.h"

namespace embscope {

namespace {

/// Which special tokens of a text count: all or none, but those that begin at one of the bytes `typed`.
struct Specials {
  bool any = false;
  std::span<const std::uint64_t> typed = {};
  bool at(std::uint64_t begin) const { return any && !std::ranges::binary_search(typed, begin); }
};

}  // namespace

struct Tokenizer::Parts {
  explicit Parts(const TokenizerSpec& spec);

  void check_id(TokenId id) const {
    if (vocabulary.has(id)) return;
    throw Error(Code::range, "tokenizer",
                fmt::format("token id {}: the vocabulary has ids 0..{}", id, vocabulary.size() - 1));
  }
  void encode(std::string_view text, Specials special, bool within, TokenWriter out) const;
  void check_rows(std::span<const TokenId> ids) const;
  std::string in_normalized_text(const TokenizerSpec& spec, std::string_view content) const;
  std::string joined(TokenId id, bool first) const;

  Vocabulary vocabulary;
  WordModel model;
  Normalizer normalizer;
  Cutter cutter;
  AddedTokens added, added_normalized;
  SafeCuts safe;
  PreTokenizer pre;
  bool add_prefix_space, prefix_before_space, prefix_first_only, strip_decoded;
  bool marks_in_normalized;  // in place of spaces, as in the file
  std::string mark;
  TokenizerSpec::Joining joining;
  std::string continuing;
  std::vector<TokenId> prefix, suffix;
  std::optional<TokenId> bos, eos;
  TokenId rows;
  mutable WordCaches caches;
};

Tokenizer::Parts::Parts(const TokenizerSpec& spec)
    : vocabulary(spec),
      model(spec, vocabulary),
      normalizer(spec.normalizer, spec.where),
      cutter(spec.cuts, spec.where),
      pre(spec.pre),
      add_prefix_space(spec.add_prefix_space),
      prefix_before_space(spec.prefix_before_space),
      prefix_first_only(spec.prefix_first_only),
      strip_decoded(spec.strip_decoded),
      marks_in_normalized(!spec.cuts.empty() || std::ranges::any_of(spec.normalizer,
                                                                    [&](const NormalizerStep& step) {
                                                                      return step.kind ==
                                                                                 NormalizerStep::Kind::replace &&
                                                                             step.content == spec.mark;
                                                                    })),
      mark(spec.mark),
      joining(spec.joining),
      continuing(spec.continuing),
      prefix(spec.prefix),
      suffix(spec.suffix),
      bos(spec.bos),
      eos(spec.eos),
      rows(spec.rows) {
  for (const bool special : {true, false}) {  // of two equal tokens, the special one
    for (const auto& token : spec.added) {
      if (token.special != special) continue;
      const std::string_view content = spec.tokens[static_cast<std::size_t>(token.id)];
      token.normalized ? added_normalized.add(token, in_normalized_text(spec, content)) : added.add(token, content);
    }
  }
  added.finish(), added_normalized.finish();
  if (model.is_local() && (pre == PreTokenizer::none || !cutter.empty())) safe = SafeCuts(vocabulary);
}

// The text of an added token in a normalized text, with the spaces that the vocabulary has in place of marks.
std::string Tokenizer::Parts::in_normalized_text(const TokenizerSpec& spec, std::string_view content) const {
  AlignedText text = AlignedText::of(content, 0);
  if (!normalizer.leaves_tokens()) normalizer.apply(text);
  std::vector<Part> all = {{0, text.bytes.size()}};
  if (!mark.empty() && !marks_in_normalized) unmark(text, all, mark);
  if (text.bytes.empty() && !content.empty())
    refuse(spec, fmt::format("the normalizer leaves nothing of the added token '{}'", visible(content)));
  return text.bytes;
}

namespace {

// Calls plain(begin, end) and token(begin, end, id) for what a text is made of; `source`: the place of a byte in the
// text that was given.
template <class Source, class Plain, class Token>
void for_added(const AddedTokens& added, std::string_view text, Specials special, Source source, Plain plain,
               Token token) {
  std::size_t begin = 0;
  if (special.any || added.any_but_special()) {
    AddedTokens::Search search(added, text, [&](std::size_t at) { return special.at(source(at)); });
    for (auto found = search.next(); found.id != Vocabulary::none; found = search.next()) {
      if (begin < found.begin) plain(begin, found.begin);
      token(found.begin, found.end, found.id);
      begin = found.end;
    }
  }
  if (begin < text.size()) plain(begin, text.size());
}

}  // namespace

// One text to tokens: first added tokens are found in it, then the text between them is normalized, added tokens are
// found in that, the text between them is split into words, and the words become tokens.
class TextEncoder {
 public:
  TextEncoder(const Tokenizer::Parts& parts, Specials special, bool within, WordCache& cache, TokenWriter& out)
      : parts_(parts),
        special_(special),
        within_(within),
        encoder_(parts.model, parts.pre, parts.safe, cache, out),
        out_(out) {}

  static Tokens conversation(const Tokenizer& tokenizer, std::string_view text, std::span<const std::uint64_t> typed) {
    const Tokenizer::Parts& parts = *tokenizer.parts_;
    Tokens tokens;
    parts.encode(text, {true, typed}, false, TokenWriter(text.size(), tokens.ids, &tokens.ranges));
    parts.check_rows(tokens.ids);
    return tokens;
  }

  void encode(std::string_view text) {
    for_added(
        parts_.added, text, special_, [](std::size_t at) { return at; },
        [&](std::size_t begin, std::size_t end) { normalize(text.substr(begin, end - begin), begin); },
        [&](std::size_t begin, std::size_t end, TokenId id) { write_added(id, begin, end); });
  }

 private:
  // Of two added tokens that would both take the white space between them, the second has its range.
  void write_added(TokenId id, std::uint64_t begin, std::uint64_t end) {
    out_.end_last_before(begin);
    out_.write(id, begin, end);
  }

  void normalize(std::string_view text, std::uint64_t begin) {
    if (!parts_.normalizer.empty() && !parts_.normalizer.leaves(text)) {
      AlignedText changed = AlignedText::of(text, begin);
      parts_.normalizer.apply(changed, within_);
      return find_normalized(changed);
    }
    for_added(
        parts_.added_normalized, text, special_, [&](std::size_t at) { return begin + at; },
        [&](std::size_t from, std::size_t to) { cut(text.substr(from, to - from), begin + from); },
        [&](std::size_t from, std::size_t to, TokenId id) { write_added(id, begin + from, begin + to); });
  }

  void find_normalized(const AlignedText& text) {
    for_added(
        parts_.added_normalized, text.bytes, special_, [&](std::size_t at) { return text.at[at]; },
        [&](std::size_t from, std::size_t to) { cut(text, from, to); },
        [&](std::size_t from, std::size_t to, TokenId id) { write_added(id, text.at[from], text.at[to]); });
  }

  void cut(std::string_view text, std::uint64_t begin) {
    const bool changes =
        !parts_.cutter.empty() || (!parts_.mark.empty() && text.find(parts_.mark) != std::string_view::npos);
    if (changes) return cut(AlignedText::of(text, begin), 0, text.size());
    if (!wants_prefix(text, begin)) return encoder_.encode(text, begin);
    const std::size_t first = out_.size();
    encoder_.encode(" " + std::string(text), begin - 1);
    out_.set_begin(first, begin);  // it does not count the space that is not in the text
  }

  void cut(const AlignedText& text, std::size_t from, std::size_t to) {
    AlignedText part{
        text.bytes.substr(from, to - from),
        {text.at.begin() + static_cast<std::ptrdiff_t>(from), text.at.begin() + static_cast<std::ptrdiff_t>(to) + 1},
        text.opens};
    if (!parts_.cutter.empty()) {
      std::vector<Part> words = parts_.cutter.cut(part, within_);
      if (!parts_.mark.empty()) unmark(part, words, parts_.mark);
      return encoder_.encode(part, words);
    }
    if (!parts_.mark.empty()) {
      std::vector<Part> all = {{0, part.bytes.size()}};
      unmark(part, all, parts_.mark);
    }
    if (wants_prefix(part.bytes, part.at.front())) put_in_front(part, " ");
    encoder_.encode(part);
  }

  bool wants_prefix(std::string_view text, std::uint64_t begin) const {
    return parts_.add_prefix_space && !within_ && (parts_.prefix_before_space || text[0] != ' ') &&
           (!parts_.prefix_first_only || begin == 0);
  }

  const Tokenizer::Parts& parts_;
  Specials special_;
  bool within_;
  Encoder encoder_;
  TokenWriter& out_;
};

void Tokenizer::Parts::encode(std::string_view text, Specials special, bool within, TokenWriter out) const {
  auto cache = caches.borrow(text.size());
  TextEncoder(*this, special, within, *cache, out).encode(text);
  out.finish();
  caches.give_back(std::move(cache));
}

void Tokenizer::Parts::check_rows(std::span<const TokenId> ids) const {
  if (vocabulary.size() <= rows) return;
  for (TokenId id : ids) {
    if (id < rows) continue;
    throw Error(
        Code::range, fmt::format("token '{}'", visible(vocabulary.bytes(id))),
        fmt::format("has the id {}, but the model's matrix has {} rows: it cannot be given to the model", id, rows));
  }
}

Tokenizer::Tokenizer(TokenizerSpec spec) : parts_(std::make_unique<const Parts>(spec)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Tokens Tokenizer::encode(std::string_view text, bool special) const {
  Tokens tokens;
  parts_->encode(text, {special}, false, TokenWriter(text.size(), tokens.ids, &tokens.ranges));
  parts_->check_rows(tokens.ids);
  return tokens;
}

Tokens encode_conversation(const Tokenizer& tokenizer, std::string_view text, std::span<const std::uint64_t> typed) {
  return TextEncoder::conversation(tokenizer, text, typed);
}

Tokens Tokenizer::encode_within(std::string_view text) const {
  Tokens tokens;
  parts_->encode(text, {}, true, TokenWriter(text.size(), tokens.ids, &tokens.ranges));
  parts_->check_rows(tokens.ids);
  return tokens;
}

std::vector<TokenId> Tokenizer::encode_ids(std::string_view text, bool special) const {
  std::vector<TokenId> ids;
  parts_->encode(text, {special}, false, TokenWriter(text.size(), ids, nullptr));
  parts_->check_rows(ids);
  return ids;
}

Tokens Tokenizer::with_bos(std::string_view text, bool special) const {
  Tokens tokens = encode(text, special);
  const auto& [prefix, suffix] = std::tie(parts_->prefix, parts_->suffix);
  tokens.ids.insert(tokens.ids.begin(), prefix.begin(), prefix.end());
  tokens.ranges.insert(tokens.ranges.begin(), prefix.size(), ByteRange{0, 0});
  tokens.ids.insert(tokens.ids.end(), suffix.begin(), suffix.end());
  tokens.ranges.insert(tokens.ranges.end(), suffix.size(), ByteRange{text.size(), text.size()});
  parts_->check_rows(tokens.ids);
  return tokens;
}

namespace {

// The spaces that Hugging Face's decoder of word pieces takes away.
std::string tidied(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> changes[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [what, with] : changes)
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
      text.replace(at, what.size(), with);
  return text;
}

}  // namespace

std::string Tokenizer::Parts::joined(TokenId id, bool first) const {
  using Joining = TokenizerSpec::Joining;
  std::string text(vocabulary.bytes(id));
  if (joining == Joining::plain) return text;
  if (!first) {
    const bool continues = joining != Joining::spaces && text.starts_with(continuing);
    continues ? text.erase(0, continuing.size()) : text.insert(0, 1, ' ');
  }
  return joining == Joining::tidy ? tidied(std::move(text)) : text;
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string out;
  const bool each = parts_->normalizer.removes_first_spaces();  // of each token with which the text could begin
  for (std::size_t i = 0; i < ids.size(); ++i) {
    parts_->check_id(ids[i]);
    const std::string token = parts_->joined(ids[i], i == 0);
    out.append(token, each && out.empty() && token.starts_with(' ') ? 1 : 0);
  }
  if (parts_->strip_decoded && out.starts_with(' ')) out.erase(0, 1);
  return out;
}

std::string Tokenizer::bytes(TokenId id) const {
  parts_->check_id(id);
  return std::string(parts_->vocabulary.bytes(id));
}

std::string Tokenizer::label(TokenId id) const { return visible(bytes(id)); }

std::optional<TokenId> Tokenizer::find(std::string_view bytes) const {
  const TokenId id = bytes.empty() ? -1 : parts_->vocabulary.find(bytes);
  return id < 0 || id >= parts_->rows ? std::nullopt : std::optional(id);
}

bool Tokenizer::is_special(TokenId id) const {
  parts_->check_id(id);
  return parts_->vocabulary.kind(id) == Vocabulary::Kind::special;
}

TokenId Tokenizer::size() const { return parts_->vocabulary.size(); }
PreTokenizer Tokenizer::pre_tokenizer() const { return parts_->pre; }
std::optional<TokenId> Tokenizer::bos() const { return parts_->bos; }
std::optional<TokenId> Tokenizer::eos() const { return parts_->eos; }

}  // namespace embscope
