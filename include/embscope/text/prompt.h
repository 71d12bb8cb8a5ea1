// Prompt: a text with its tokens, and places in it by number or by word.
// Thread rule: a value.
#pragma once

#include <string>
#include <string_view>

#include "embscope/text/tokenizer.h"

namespace embscope {

struct Prompt {
  std::string text;  ///< empty when the tokens were given as ids
  Tokens tokens;
  int length() const { return static_cast<int>(tokens.ids.size()); }
};

/// The text as the tokenizer's own configuration wants it (Tokenizer::with_bos).
Prompt make_prompt(const Tokenizer& tokenizer, std::string_view text);

/// The position that a name means, the same for every client:
///   " Germany", "Germany"  the token that stands for the word in the text (position_of_word)
///   " cat[2]", "cat[-1]"   its second occurrence, its last
///   "#3797", "#3797[2]"    where the token of that id stands; "##5" is the word "#5"
///   "4", "@4", "-1"        by number: "4" where the text holds no "4", "@4" always
/// A word that is in the text as it is written, "a[2]" too, is that word. Throws as those below do.
int position_of(const Prompt& prompt, std::string_view name);

/// The last token of the word's only occurrence, or of occurrence 1, 2, ... or -1 (the last), -2, ... Where the word as
/// written is only part of longer tokens, those with its space before it count (" Germany" for "Germany"). Throws
/// Error{not_found} when it is absent or only part of a longer token, Error{usage} when it occurs more than once and
/// `occurrence` is 0 (and says at which positions), Error{range} for an occurrence beyond the last.
int position_of_word(const Prompt& prompt, std::string_view word, int occurrence = 0);

/// The same of a token by its id.
int position_of_token(const Prompt& prompt, TokenId id, int occurrence = 0);

/// A position that may count from the end (-1 is the last). Throws Error{range} with `where` when there is none such.
int position_of(const Prompt& prompt, int number, std::string_view where);

}  // namespace embscope
