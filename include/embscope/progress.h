// Progress: how long work tells its caller how far it is, and how the caller stops it.
// Thread rule: called on the thread that started the work, never concurrently.
#pragma once

#include <functional>
#include <string_view>

#include "embscope/error.h"

namespace embscope {

/// `fraction` is 0..1, `what` a short phrase ("t-SNE, step 120 of 750"). Return false to cancel.
using Progress = std::function<bool(double fraction, std::string_view what)>;

/// Reports to `progress` (which may be empty). Throws Error{cancelled} when the caller asks to stop.
inline void report(const Progress& progress, double fraction, std::string_view what) {
  if (progress && !progress(fraction, what)) throw Error(Code::cancelled, "cancelled", std::string(what));
}

}  // namespace embscope
