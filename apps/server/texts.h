// Reads fields of a request as the engine's types: prompts, tokens, edits; the tokens that a request names, as JSON.
// Thread rule: pure functions; the Subject is told of each token that is named.
#pragma once

#include <vector>

#include "fields.h"

#include "embscope/catalogue/catalogue.h"

namespace embscope::server {

/// The tokens that the words of a request name; an answer lists them as `words`.
using Words = std::vector<NamedToken>;

/// The field `text` as tokens. Throws Error{usage} for an empty text, Error{range} for one longer than the context.
Prompt prompt_of(const Fields& in, const Subject& on);

/// The field `edits`: a text form, {"at", "do"}, or a list of these. They cannot read files (FilesRefused); the
/// engine's errors name edits[i] as their place.
std::vector<Edit> edits_of(const Fields& in, const Subject& on, const Prompt& prompt);

std::vector<TokenId> tokens_of(const std::vector<std::string>& texts, const Subject& on);

/// [{"text", "id", "label", "pieces", "single", "read", "reading"}, ...]
bj::array words_value(const Model& model, const Words& words);

}  // namespace embscope::server
