// NamedToken: the token that a text such as " Germany", "Germany" or "#11452" names, by the same rule on the command
// line, over HTTP, in Python and in the explorer. Thread rule: a value; pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/model/model.h"

namespace embscope {

struct NamedToken {
  enum class Read {
    by_id,       ///< "#11452"
    as_written,  ///< the word's own bytes
    with_space,  ///< the word with a space before it, because that is one token and the word as written is several
  };
  std::string text;             ///< as it was given
  TokenId id = 0;               ///< the token that is used: the last of `pieces`
  std::vector<TokenId> pieces;  ///< one element if the word is a single token
  Read read = Read::as_written;
  bool single() const { return pieces.size() == 1; }
};

/// The token of "#ID", or of a word. A word is read as written if that is a single token; otherwise with a space before
/// it if that is one token; otherwise its last piece is used. "##5" is the text "#5" (each further # adds one).
/// Throws Error{usage} for an empty text, Error{range} for an id without a row in the embedding matrix,
/// Error{not_found} for a word if the model has no tokenizer.
NamedToken token_named(const Model& model, std::string_view text);

/// The same for a word: "#5" is read as a text.
NamedToken word_named(const Model& model, std::string_view word);

std::vector<TokenId> ids_named(const Model& model, std::span<const std::string> texts);

/// How it was read, as a sentence: "␣banana: the word with its space, 1 token" or "ness: the last of 7 tokens (␣un |
/// fath | ...)".
std::string reading(const Model& model, const NamedToken& token);

}  // namespace embscope
