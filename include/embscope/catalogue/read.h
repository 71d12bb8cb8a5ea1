// Read: what a client asks by itself, read as the catalogue's analyses read it, with the same words for what is wrong.
// Thread rule: pure functions; the Subject is told of each token that is named.
#pragma once

#include <string_view>
#include <vector>

#include "embscope/catalogue/catalogue.h"
#include "embscope/runs/generate.h"
#include "embscope/text/prompt.h"

namespace embscope {

/// A text or its token ids. Throws Error{usage} for an empty one, Error{range} for one longer than the context.
Prompt read_prompt(const Subject& on, const Value& text, std::string_view where = "text");

/// Texts, {"at", "do"} as JSON, or a list of these; the engine's own errors carry edits[i] as their place.
std::vector<Edit> read_edits(const Subject& on, const Value& edits, const Prompt& prompt);

/// A vector [D] for wte: an expression, or D numbers.
std::vector<float> read_vector(const Subject& on, const Value& vector, std::string_view where);

/// How the tokens of a text are chosen: the fields of `chat`. Their edits are left out: their positions count in a
/// text.
GenerateRequest read_sampling(const Values& values);

/// A word, or "#ID".
TokenId read_token(const Subject& on, std::string_view word);

}  // namespace embscope
