// Tokenizer: text <-> token ids, by byte-level byte-pair encoding. Exact, and total: any bytes in, the same bytes out.
// Thread rule: immutable once built; any number of threads may use one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace embscope {

using TokenId = std::int32_t;

/// Half-open range of bytes in the source text.
struct ByteRange {
  std::uint64_t begin = 0, end = 0;
  bool operator==(const ByteRange&) const = default;
};

/// Ids, each with the bytes of the source text it stands for (ranges follow one another without gaps).
struct Tokens {
  std::vector<TokenId> ids;
  std::vector<ByteRange> ranges;
  std::size_t size() const { return ids.size(); }
};

/// How text is cut into words before the merges.
enum class PreTokenizer {
  gpt2,    ///< 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  smollm,  ///< each digit (\p{N}) alone, then the GPT-2 pattern
  llama3,  ///< the Llama 3 pattern (contractions in any case, \p{N}{1,3}, punctuation with trailing newlines)
};

/// Everything that makes a tokenizer; read by `model` from tokenizer.json, vocab.json + merges.txt or GGUF.
/// The views point into `owner`.
struct TokenizerSpec {
  /// By id, in the byte-to-unicode alphabet of GPT-2 (added tokens as plain UTF-8).
  std::vector<std::string_view> tokens;
  std::vector<std::pair<std::string_view, std::string_view>> merges;  ///< by rank, in the same alphabet
  struct Added {
    TokenId id;
    bool special;
  };
  std::vector<Added> added;  ///< special tokens and added ones
  PreTokenizer pre = PreTokenizer::gpt2;
  bool add_prefix_space = false;
  bool ignore_merges = false;  ///< a word that is itself a token is taken whole (Llama 3)
  std::optional<TokenId> bos, eos;
  bool add_bos = false;  ///< the tokenizer's own configuration puts `bos` first
  std::string where;     ///< file, for error messages
  std::vector<std::shared_ptr<const void>> owners;
};

class Tokenizer {
 public:
  /// Throws Error{format} for duplicate tokens, merges that name unknown tokens, a missing byte token, or ids out of range.
  explicit Tokenizer(TokenizerSpec spec);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  /// Text -> tokens. With `special`, special tokens written in the text are recognised; otherwise they are plain text.
  /// Never adds a beginning-of-text token (see `with_bos`). Time is O(n log n) even for one long word.
  Tokens encode(std::string_view text, bool special = false) const;

  /// The ids of `encode` alone, in a fifth of the memory: for large texts.
  std::vector<TokenId> encode_ids(std::string_view text, bool special = false) const;

  /// `encode`, preceded by the beginning-of-text token (range 0..0) when the tokenizer's own configuration asks for it.
  Tokens with_bos(std::string_view text, bool special = false) const;

  /// The bytes of ids, joined. Throws Error{range} for an id outside the vocabulary.
  std::string decode(std::span<const TokenId> ids) const;

  /// The bytes of one token. Throws Error{range}.
  std::string bytes(TokenId id) const;

  /// A readable name for one token: text as it is, with spaces shown as "␣", tabs and newlines as "⇥" and "⏎",
  /// and bytes that are no text as "<0xE2>". Throws Error{range}.
  std::string label(TokenId id) const;

  /// The token whose bytes are exactly `bytes`, if there is one.
  std::optional<TokenId> find(std::string_view bytes) const;

  bool is_special(TokenId id) const;
  TokenId size() const;  ///< number of ids: the largest id + 1
  PreTokenizer pre_tokenizer() const;
  std::optional<TokenId> bos() const;
  std::optional<TokenId> eos() const;

 private:
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

/// The token that stands for a word: itself when it is one token, otherwise its final token.
struct WordToken {
  std::string word;
  TokenId id = 0;
  std::vector<TokenId> pieces;  ///< one element when the word is one token
  bool single() const { return pieces.size() == 1; }
};

/// Throws Error{usage} for an empty word.
WordToken word_token(const Tokenizer& tokenizer, std::string_view word);

/// Whitespace and bytes that are no text made visible, as in Tokenizer::label, for any bytes.
std::string visible(std::string_view bytes);

}  // namespace embscope
