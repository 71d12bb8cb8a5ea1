// Conversations as tokens: the special tokens of a chat template count, those that somebody typed in a message do not.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "embscope/text/tokenizer.h"

namespace embscope {

/// Tokenizer::encode with special tokens, but those that begin at one of the bytes `typed` (ascending) are plain text.
Tokens encode_conversation(const Tokenizer& tokenizer, std::string_view text, std::span<const std::uint64_t> typed);

}  // namespace embscope
