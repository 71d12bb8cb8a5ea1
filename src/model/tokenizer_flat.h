// The long lists of a vocabulary in JSON, read in one pass and without a tree of their values, as everybody writes
// them. What is unusual in any way, or wrong, is left to the JSON parser, which gives the answer or the error.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "embscope/text/tokenizer_spec.h"

namespace embscope {

/// {"token": id, ...} and nothing else. False (and no tokens) if it is not read here.
bool read_flat_vocabulary(std::string_view text, TokenizerSpec& spec);

/// The text of a tokenizer.json without the vocabulary and the merges of its model, which are read; `flat_mark` is in
/// place of each. Nothing (and no tokens) if they are not read here.
std::optional<std::string> read_flat_model(std::string_view text, const std::string& where, TokenizerSpec& spec);
inline constexpr std::string_view flat_mark = "embscope: read already";

}  // namespace embscope
