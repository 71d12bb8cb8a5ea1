// What an action is refused with.
#pragma once

#include <optional>
#include <string>

#include "embscope/base/error.h"

namespace embscope {

/// The whole line of the Error that it throws; "no error" when it works.
template <class Action>
std::string refusal(Action&& action) {
  try {
    action();
  } catch (const Error& error) { return error.what(); }
  return "no error";
}

/// The code of the Error that it throws; nothing when it works.
template <class Action>
std::optional<Code> code_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) { return error.code(); }
  return std::nullopt;
}

}  // namespace embscope
