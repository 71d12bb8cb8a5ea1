// What a request names, checked against the text and the model.
#pragma once

#include <string>

#include <fmt/format.h>

#include "embscope/model/model.h"

namespace embscope {

/// The position meant, 0..count - 1; negative counts from the end. Throws Error{usage} when the text has no tokens,
/// Error{range} when it does not have this one.
inline int position_in(std::size_t count, int position, const std::string& where) {
  const auto length = static_cast<int>(count);
  if (length == 0) throw Error(Code::usage, where, "the text is empty");
  const int found = position < 0 ? position + length : position;
  if (found < 0 || found >= length)
    throw Error(Code::range, where, fmt::format("position {}: the text has positions 0..{}", position, length - 1));
  return found;
}

/// The token itself. Throws Error{range} when the vocabulary does not have it.
inline TokenId token_in(const Config& config, TokenId id, const std::string& where) {
  if (id < 0 || id >= config.vocab)
    throw Error(Code::range, where, fmt::format("token id {}: the vocabulary has ids 0..{}", id, config.vocab - 1));
  return id;
}

}  // namespace embscope
