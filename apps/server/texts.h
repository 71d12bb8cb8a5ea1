// Reads fields of a request as the engine's types: prompts, tokens, vectors, edits.
// Thread rule: pure functions.
#pragma once

#include <vector>

#include "fields.h"
#include "models.h"

#include "embscope/model/named_token.h"

namespace embscope::server {

/// The tokens that the words of a request name; an answer lists them as `words`.
using Words = std::vector<NamedToken>;

/// The field `text` as tokens. Throws Error{usage} for an empty text, Error{range} for one longer than the context.
Prompt prompt_of(const Fields& in, const OpenModel& model);

/// The field `edits`: a text form, {"at", "do"}, or a list of these. They cannot read files (FilesRefused); the
/// engine's errors name edits[i] as their place. The tokens that they name are added to `words`.
std::vector<Edit> edits_of(const Fields& in, const OpenModel& model, const Prompt& prompt, Words& words);

/// A vector [D] for wte: an expression, which cannot read files either, or D numbers.
std::vector<float> vector_of(std::string_view name, const bj::value& value, const OpenModel& model, Words& words);

/// "#123", or a word (token_named).
TokenId token_of(std::string_view word, const OpenModel& model, Words& words);
std::vector<TokenId> tokens_of(const std::vector<std::string>& texts, const OpenModel& model, Words& words);

/// [{"text", "id", "label", "pieces", "single", "read", "reading"}, ...]
bj::array words_value(const Model& model, const Words& words);

}  // namespace embscope::server
