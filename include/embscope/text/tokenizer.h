// Tokenizer: text <-> token ids, by byte-pair encoding over bytes or characters, or by a unigram model. Byte-level ones
// are total: any bytes in, the same bytes out. Thread rule: immutable once built; any number of threads may use one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embscope/text/tokenizer_spec.h"

namespace embscope {

/// Half-open range of bytes in the source text.
struct ByteRange {
  std::uint64_t begin = 0, end = 0;
  bool operator==(const ByteRange&) const = default;
};

/// Ids, each with the bytes of the source text it stands for. Ranges follow one another; a token that the text does not
/// hold (a beginning of text, a space put in front) has an empty one, and bytes that the tokenizer drops lie between
/// two.
struct Tokens {
  std::vector<TokenId> ids;
  std::vector<ByteRange> ranges;
  std::size_t size() const { return ids.size(); }
};

class Tokenizer {
 public:
  /// Throws Error{format} for duplicate tokens, merges that name unknown tokens, ids out of range, a pattern that is
  /// none.
  explicit Tokenizer(TokenizerSpec spec);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  /// Text -> tokens. With `special`, special tokens written in the text are recognised; otherwise they are plain text.
  /// Never adds a beginning-of-text token (see `with_bos`). Time is O(n log n) even for one long word.
  /// Throws Error{unsupported} for a byte that no token stands for, with its place.
  Tokens encode(std::string_view text, bool special = false) const;

  /// The ids of `encode` alone, in a fifth of the memory: for large texts.
  std::vector<TokenId> encode_ids(std::string_view text, bool special = false) const;

  /// All that a model is given for a text: `encode`, between the tokens that the tokenizer's post-processor puts before
  /// and behind it (most often a beginning of text), whose ranges are empty.
  Tokens with_bos(std::string_view text, bool special = false) const;

  /// `encode` of what stands within a text: without the space that some tokenizers put in front of a text's first word.
  Tokens encode_within(std::string_view text) const;

  /// The bytes of ids, joined, without the space that the tokenizer put in front. Throws Error{range} for an id outside
  /// the vocabulary.
  std::string decode(std::span<const TokenId> ids) const;

  /// The bytes of one token. Throws Error{range}.
  std::string bytes(TokenId id) const;

  /// A readable name for one token: text as it is, with spaces shown as "␣", tabs and newlines as "⇥" and "⏎",
  /// and bytes that are not text as "<0xE2>". Throws Error{range}.
  std::string label(TokenId id) const;

  /// The token whose bytes are exactly `bytes`, if there is one.
  std::optional<TokenId> find(std::string_view bytes) const;

  bool is_special(TokenId id) const;
  TokenId size() const;  ///< number of ids: the largest id + 1
  PreTokenizer pre_tokenizer() const;
  std::optional<TokenId> bos() const;
  std::optional<TokenId> eos() const;

 private:
  friend class TextEncoder;
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

/// The token that stands for a word as it is written within a text, so that " Germany" is what follows a space in every
/// family: itself when it is one token, otherwise its final token.
struct WordToken {
  std::string word;
  TokenId id = 0;
  std::vector<TokenId> pieces;  ///< one element when the word is one token
  bool single() const { return pieces.size() == 1; }
};

/// Throws Error{usage} for an empty word.
WordToken word_token(const Tokenizer& tokenizer, std::string_view word);

/// Whitespace and bytes that are not text made visible, as in Tokenizer::label, for any bytes.
std::string visible(std::string_view bytes);

}  // namespace embscope
