// What handlers read of a request in the engine's terms: prompts, tokens, vectors, edits.
// Thread rule: pure functions.
#pragma once

#include <vector>

#include "fields.h"
#include "models.h"

namespace embscope::server {

/// The field `text` as tokens, not longer than the context. Throws Error{usage} for an empty one, Error{range}.
Prompt prompt_of(const Fields& in, const OpenModel& model);

/// The field `edits`. Throws Refusal{403} for those that would read files of this machine; the engine's own errors carry
/// edits[i] as their place.
std::vector<Edit> edits_of(const Fields& in, const OpenModel& model, const Prompt& prompt);

/// A vector [D] for wte: an expression, or D numbers.
std::vector<float> vector_of(std::string_view name, const bj::value& value, const OpenModel& model);

/// Throws Refusal{403} for an expression that reads a file.
void refuse_files(std::string_view expression);

TokenId token_of(std::string_view word, const OpenModel& model);  ///< "#123", or a word by its final token

}  // namespace embscope::server
