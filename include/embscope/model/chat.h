// What a model's files say about conversations: the template in which they are written, and the tokens at which an
// answer ends. Thread rule: reads the files each time; any number of threads.
#pragma once

#include <set>

#include "embscope/model/model.h"
#include "embscope/text/chat_template.h"
#include "embscope/text/prompt.h"

namespace embscope {

/// From chat_template.jinja, tokenizer_config.json or GGUF's tokenizer.chat_template. Throws Error{not_found} where
/// there is none, what ChatTemplate throws.
ChatTemplate chat_template(const Model& model);
/// One that the user gives, with the model's own special tokens.
ChatTemplate chat_template(const Model& model, const std::filesystem::path& file);

/// A conversation as the model is given it. The template's special tokens count, and the assistant's, which the model
/// has written; one that somebody typed in another message is plain text. Nothing is put around it (of a GGUF whose
/// vocabulary asks for a beginning of text, that, unless the template has written it). Throws Error{unsupported} where
/// the template writes a message otherwise because of a special token typed in it.
Prompt conversation_prompt(const Model& model, const ChatTemplate& form, std::span<const Message> messages);

/// The tokens at which a text ends: the tokenizer's and the configuration's, which has those of generation_config.json
/// and GGUF's end of turn (Config::ends).
std::set<TokenId> end_tokens(const Model& model);

}  // namespace embscope
