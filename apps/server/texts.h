// What handlers read of a request in the engine's terms: prompts, tokens, vectors, edits.
// Thread rule: pure functions.
#pragma once

#include <vector>

#include "fields.h"
#include "models.h"

#include "embscope/model/named_token.h"

namespace embscope::server {

/// The tokens that the words of a request stand for: an answer tells them as `words`.
using Words = std::vector<NamedToken>;

/// The field `text` as tokens, not longer than the context. Throws Error{usage} for an empty one, Error{range}.
Prompt prompt_of(const Fields& in, const OpenModel& model);

/// The field `edits`: a text form, {"at", "do"}, or a list of these. No file is read for them (FilesRefused); the
/// engine's errors carry edits[i] as their place. The tokens that they name are added to `words`.
std::vector<Edit> edits_of(const Fields& in, const OpenModel& model, const Prompt& prompt, Words& words);

/// A vector [D] for wte: an expression, which reads no file either, or D numbers.
std::vector<float> vector_of(std::string_view name, const bj::value& value, const OpenModel& model, Words& words);

/// "#123", or a word (token_named).
TokenId token_of(std::string_view word, const OpenModel& model, Words& words);
std::vector<TokenId> tokens_of(const std::vector<std::string>& texts, const OpenModel& model, Words& words);

/// [{"text", "id", "label", "pieces", "single", "read", "reading"}, ...]
bj::array words_value(const Model& model, const Words& words);

}  // namespace embscope::server
