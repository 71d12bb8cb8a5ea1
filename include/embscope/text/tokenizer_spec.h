// TokenizerSpec: a tokenizer as data, with the concepts of Hugging Face's tokenizer.json, for every file format.
// Lifetime: its views point into `owners`. Thread rule: a value.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace embscope {

using TokenId = std::int32_t;

/// The common ways of splitting text into words, which have their own scanners. Patterns are written as in
/// tokenizer.json.
enum class PreTokenizer {
  gpt2,    ///< 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  smollm,  ///< each digit (\p{N}) alone, then the GPT-2 pattern
  llama3,  ///< the Llama 3 pattern (contractions in any case, \p{N}{1,3}, punctuation with trailing newlines)
  qwen2,   ///< the same with single digits
  o200k,   ///< the GPT-4o pattern (a word ends before a capital behind a small letter, and has its contraction)
  gpt4o,   ///< the same as llama.cpp reads it: with no marks in words, and case and contractions of ASCII alone
  spaces,  ///< a word begins at each space
  none,    ///< not at all (SentencePiece's)
};

/// A text or a regular expression (of Oniguruma, as in Hugging Face's library).
struct TextPattern {
  std::string text;
  bool regex = false;
  bool operator==(const TextPattern&) const = default;
};

/// One step that changes a text before it is split.
struct NormalizerStep {
  enum class Kind {
    nfc,
    nfd,
    nfkc,
    nfkd,
    prepend,
    replace,
    strip,
    lowercase,
    strip_accents,
    nmt,
    precompiled,
    clean,             ///< BERT's: without control characters, and with a blank for other white space
    ideographs,        ///< BERT's: a blank on either side of each Chinese character
    strip_nonspacing,  ///< BERT's: without marks of the category Mn
    pieces,            ///< SentencePiece's: its map, then its rules for spaces
    pieces_in_gguf     ///< the same as llama.cpp has it
  };
  Kind kind = Kind::nfc;
  TextPattern pattern;                 ///< replace: the replaced text
  std::string content;                 ///< replace: the replacement; prepend: the text; precompiled, pieces: the map
  bool left = true, right = true;      ///< strip
  std::vector<std::string_view> kept;  ///< pieces: texts that the map leaves as they are
  bool single_spaces = false;          ///< pieces: of several spaces one, and none at the ends
  bool space_before = false, space_behind = false;  ///< pieces: a space is added to the text
};

/// One step that splits a text.
struct CutStep {
  enum class Kind {
    split,         ///< at a pattern
    digits,        ///< at numbers (\p{N}), in runs unless isolated
    punctuation,   ///< at \p{P} and ASCII's punctuation
    whitespace,    ///< at each white space
    fixed_length,  ///< into parts of `length` characters
    words,         ///< at runs of \w (of Rust's expressions) and runs of other characters that are not white space
    byte_level,    ///< converts bytes to GPT-2's alphabet, for the steps after it and for the model
    marked_space,  ///< replaces every space with `mark` (Metaspace)
    prefix         ///< adds `mark` before each part that does not begin with it
  };
  enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };
  Kind kind = Kind::split;
  TextPattern pattern;
  Behavior behavior = Behavior::isolated;
  bool invert = false;
  std::size_t length = 0;   ///< fixed_length
  std::string mark;         ///< marked_space and prefix: one character
  bool first_only = false;  ///< prefix: only at the beginning of the text
};

/// All data of a tokenizer; `model` reads it from the files of models.
struct TokenizerSpec {
  /// The tokens by id. For a byte-level tokenizer in the byte-to-unicode alphabet of GPT-2 (added tokens as plain
  /// UTF-8).
  std::vector<std::string_view> tokens;
  std::vector<std::pair<std::string_view, std::string_view>>
      merges;  ///< by rank, written in the same way as the tokens
  struct Added {
    TokenId id;
    bool special = false;     ///< recognised only if special tokens are requested
    bool normalized = false;  ///< searched for after the normalizer
    bool lstrip = false, rstrip = false, single_word = false;
    bool in_model = false;  ///< also in the model's own vocabulary: words can become this token
  };
  std::vector<Added> added;  ///< special and other added tokens

  enum class Algorithm {
    merges,   ///< byte-pair encoding by the rank of merges
    scores,   ///< byte-pair encoding by the score of the merged token (SentencePiece; tiktoken's ranks)
    unigram,  ///< the most probable tokens
    words,    ///< a word is a token or unknown (WordLevel)
    longest,  ///< the longest token a word begins with, and so on for the rest of it (WordPiece)
  };
  Algorithm algorithm = Algorithm::merges;
  std::vector<double> scores;           ///< by id; not for `merges`
  std::optional<double> unknown_score;  ///< unigram: of a character without a token; else 10 less than the least score
  bool single_precision = false;        ///< unigram: sums are rounded as SentencePiece does
  std::string continuing;               ///< longest: what the tokens within a word begin with ("##")
  std::size_t longest_word = 100;       ///< longest: a word of more characters is unknown
  bool byte_level = true;               ///< symbols are bytes; otherwise characters
  bool raw_bytes = false;      ///< byte_level: the tokens above are their bytes themselves, not in GPT-2's alphabet
  std::string mark;            ///< the character for a space in tokens ("▁"); empty: a space
  bool byte_fallback = false;  ///< a character without a token becomes the tokens <0x00> to <0xFF> of its bytes
  std::optional<TokenId> unk;  ///< the token for characters without a token; without it, they are an error
  bool fuse_unk = false;       ///< several of these become one token
  bool ignore_merges = false;  ///< a word that is a token is not split (Llama 3)

  std::vector<NormalizerStep> normalizer;
  PreTokenizer pre = PreTokenizer::gpt2;
  bool add_prefix_space =
      false;  ///< a space is added before each text between added tokens that does not begin with one
  bool prefix_before_space = false;  ///< and before those that do
  bool prefix_first_only = false;    ///< only at the beginning of the whole text
  std::vector<CutStep> cuts;         ///< used instead of `pre` and the prefix if these cannot describe the steps

  std::vector<TokenId> prefix, suffix;  ///< the tokens that the post-processor adds before and after a text
  std::optional<TokenId> bos, eos;
  TokenId rows = INT32_MAX;    ///< rows of the model's matrix: a text with a token without a row is refused
  bool strip_decoded = false;  ///< decoding removes one space at the beginning
  enum class Joining {
    plain,   ///< decoding writes the tokens one after the other
    spaces,  ///< with a space between two
    pieces,  ///< with a space before each that does not continue a word, and that without `continuing`
    tidy     ///< the same without spaces before punctuation and English contractions
  };
  Joining joining = Joining::plain;
  std::string where;  ///< file, for error messages
  std::vector<std::shared_ptr<const void>> owners;
};

}  // namespace embscope
