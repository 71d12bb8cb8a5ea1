// The tokens at which a text ends, beside the tokenizer's own.
#pragma once

#include <set>

#include <boost/json/fwd.hpp>

#include "embscope/files/archive.h"
#include "embscope/text/tokenizer.h"

namespace embscope {

/// The eos_token_id of config.json or generation_config.json: one, or a list.
void add_ends(const boost::json::value& config, std::set<TokenId>& ends);

/// GGUF's ends of a turn and of a message.
void add_ends(const Archive& gguf, std::set<TokenId>& ends);

}  // namespace embscope
