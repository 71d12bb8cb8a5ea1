// Prompt: a text with its tokens, and places in it by number or by word.
// Thread rule: a value.
#pragma once

#include <string>
#include <string_view>

#include "embscope/tokenizer.h"

namespace embscope {

struct Prompt {
  std::string text;  ///< empty when the tokens were given as ids
  Tokens tokens;
  int length() const { return static_cast<int>(tokens.ids.size()); }
};

/// The text as the tokenizer's own configuration wants it (Tokenizer::with_bos).
Prompt make_prompt(const Tokenizer& tokenizer, std::string_view text);

/// The position of the token that stands for `word` in the text: the last token of its only occurrence.
/// Throws Error{not_found} when it is absent or only part of a longer token, Error{usage} when it occurs more than once
/// (and says at which positions).
int position_of(const Prompt& prompt, std::string_view word);

/// A position that may count from the end (-1 is the last). Throws Error{range} with `where` when there is none such.
int position_of(const Prompt& prompt, int number, std::string_view where);

}  // namespace embscope
