// TokenizerSpec: a tokenizer as data, in the terms of Hugging Face's tokenizer.json, whatever file it was read from.
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

/// The common ways of cutting text into words, which have scanners of their own. Patterns as tokenizer.json writes
/// them.
enum class PreTokenizer {
  gpt2,    ///< 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  smollm,  ///< each digit (\p{N}) alone, then the GPT-2 pattern
  llama3,  ///< the Llama 3 pattern (contractions in any case, \p{N}{1,3}, punctuation with trailing newlines)
  qwen2,   ///< the same with single digits
  spaces,  ///< a word begins at each space
  none,    ///< not at all (SentencePiece's)
};

/// A text or a regular expression (Oniguruma's, as Hugging Face's library has them).
struct TextPattern {
  std::string text;
  bool regex = false;
  bool operator==(const TextPattern&) const = default;
};

/// One step that changes a text before it is cut.
struct NormalizerStep {
  enum class Kind { nfc, nfd, nfkc, nfkd, prepend, replace, strip, lowercase, strip_accents, nmt, precompiled };
  Kind kind = Kind::nfc;
  TextPattern pattern;             ///< replace: what
  std::string content;             ///< replace: by what; prepend: the text; precompiled: SentencePiece's map
  bool left = true, right = true;  ///< strip
};

/// One step that cuts a text.
struct CutStep {
  enum class Kind {
    split,         ///< at a pattern
    digits,        ///< at numbers (\p{N}), in runs unless isolated
    punctuation,   ///< at \p{P} and ASCII's punctuation
    whitespace,    ///< at each white space
    byte_level,    ///< bytes to GPT-2's alphabet, which the steps behind it see
    marked_space,  ///< every space to `mark` (Metaspace)
    prefix         ///< `mark` in front of each part that does not begin with it
  };
  enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };
  Kind kind = Kind::split;
  TextPattern pattern;
  Behavior behavior = Behavior::isolated;
  bool invert = false;
  std::string mark;         ///< marked_space and prefix: one character
  bool first_only = false;  ///< prefix: only where the text begins
};

/// Everything that makes a tokenizer; read by `model` from the files of models.
struct TokenizerSpec {
  /// By id. Of a byte-level tokenizer in the byte-to-unicode alphabet of GPT-2 (added tokens as plain UTF-8).
  std::vector<std::string_view> tokens;
  std::vector<std::pair<std::string_view, std::string_view>> merges;  ///< by rank, written as the tokens are
  struct Added {
    TokenId id;
    bool special = false;     ///< recognised only where special tokens are asked for
    bool normalized = false;  ///< looked for behind the normalizer
    bool lstrip = false, rstrip = false, single_word = false;
    bool in_model = false;  ///< the model's own vocabulary has it too: words may become it
  };
  std::vector<Added> added;  ///< special tokens and added ones

  enum class Algorithm {
    merges,   ///< byte-pair encoding by the rank of merges
    scores,   ///< byte-pair encoding by the score of what a merge makes (SentencePiece's)
    unigram,  ///< the most probable tokens
  };
  Algorithm algorithm = Algorithm::merges;
  std::vector<double> scores;  ///< by id; not of `merges`
  bool byte_level = true;      ///< symbols are bytes; otherwise characters
  std::string mark;            ///< what tokens hold in place of a space ("▁"); empty: a space
  bool byte_fallback = false;  ///< a character without token becomes the tokens <0x00> to <0xFF> of its bytes
  std::optional<TokenId> unk;  ///< what a character without token becomes; without it, it is an error
  bool fuse_unk = false;       ///< several of these become one
  bool ignore_merges = false;  ///< a word that is itself a token is taken whole (Llama 3)

  std::vector<NormalizerStep> normalizer;
  PreTokenizer pre = PreTokenizer::gpt2;
  bool add_prefix_space = false;  ///< a space is put before each text between added tokens that does not begin with one
  bool prefix_before_space = false;  ///< and before those that do
  bool prefix_first_only = false;    ///< only where the whole text begins
  std::vector<CutStep> cuts;         ///< in place of `pre` and the prefix where they do not say it

  std::vector<TokenId> prefix, suffix;  ///< what the post-processor puts around a text
  std::optional<TokenId> bos, eos;
  TokenId rows = INT32_MAX;    ///< of the model's matrix: a text that becomes a token without a row is refused
  bool strip_decoded = false;  ///< decoding drops one space at the beginning
  std::string where;           ///< file, for error messages
  std::vector<std::shared_ptr<const void>> owners;
};

}  // namespace embscope
