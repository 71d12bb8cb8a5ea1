// Prompt: a text with its tokens, and positions in it by number or by word.
// Thread rule: a value.
#pragma once

#include <string>
#include <string_view>

#include "embscope/text/tokenizer.h"

namespace embscope {

struct Prompt {
  std::string text;  ///< empty if the tokens were given as ids
  Tokens tokens;
  int length() const { return static_cast<int>(tokens.ids.size()); }
};

/// The text with the tokens that the tokenizer's configuration adds (Tokenizer::with_bos).
Prompt make_prompt(const Tokenizer& tokenizer, std::string_view text);

/// The position that a name stands for, the same for every client:
///   " Germany", "Germany"  the token that stands for the word in the text (position_of_word)
///   " cat[2]", "cat[-1]"   its second occurrence, its last
///   "#3797", "#3797[2]"    where the token of that id stands; "##5" is the word "#5"
///   "4", "@4", "-1"        by number: "4" where the text holds no "4", "@4" always
/// A name that the text contains literally, such as "a[2]", is read as that word. Throws as the functions below do.
int position_of(const Prompt& prompt, std::string_view name);

/// The last token of the word's only occurrence, or of occurrence 1, 2, ... or -1 (the last), -2, ... If the word as
/// written is only part of longer tokens, the tokens with a space before it count (" Germany" for "Germany"). Throws
/// Error{not_found} if it is absent or only part of a longer token, Error{usage} if it occurs more than once and
/// `occurrence` is 0 (with the positions), Error{range} for an occurrence beyond the last.
int position_of_word(const Prompt& prompt, std::string_view word, int occurrence = 0);

/// The same for a token by its id.
int position_of_token(const Prompt& prompt, TokenId id, int occurrence = 0);

/// A position that may count from the end (-1 is the last). Throws Error{range} with `where` if it does not exist.
int position_of(const Prompt& prompt, int number, std::string_view where);

}  // namespace embscope
