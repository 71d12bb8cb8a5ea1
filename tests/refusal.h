// What an action is refused with.
#pragma once

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

}  // namespace embscope
