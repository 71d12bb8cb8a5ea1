// Tokenizer: text <-> token ids, by byte-pair encoding over bytes or characters, or by a unigram model. Byte-level
// tokenizers accept any bytes and decode to the same bytes. Thread rule: immutable once built; any number of threads
// may use one.
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

/// Ids, each with its range of bytes in the source text. Ranges are in order; a token that is not in the text (a
/// beginning of text, an added space) has an empty range, and bytes that the tokenizer drops are between two ranges.
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
  /// Throws Error{unsupported} for a byte without a token, with its position.
  Tokens encode(std::string_view text, bool special = false) const;

  /// Only the ids of `encode`, in a fifth of the memory: for large texts.
  std::vector<TokenId> encode_ids(std::string_view text, bool special = false) const;

  /// All tokens that a model gets for a text: `encode`, with the tokens that the tokenizer's post-processor adds before
  /// and after it (usually a beginning of text), whose ranges are empty.
  Tokens with_bos(std::string_view text, bool special = false) const;

  /// `encode` for a part of a text: without the space that some tokenizers add before the first word of a text.
  Tokens encode_within(std::string_view text) const;

  /// The joined bytes of ids, without the space that the tokenizer added at the beginning. Throws Error{range} for an
  /// id outside the vocabulary.
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

/// Makes white space and bytes that are not text visible, as in Tokenizer::label, for any bytes.
std::string visible(std::string_view bytes);

}  // namespace embscope
