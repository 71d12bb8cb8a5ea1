// Progress: how long work tells its caller how far it is, and how the caller stops it.
// Thread rule: called on the thread that started the work, never concurrently.
#pragma once

#include <functional>
#include <string_view>

#include "embscope/base/error.h"

namespace embscope {

/// `fraction` is 0..1, `what` a short phrase ("t-SNE, step 120 of 750"). Return false to cancel.
using Progress = std::function<bool(double fraction, std::string_view what)>;

/// Reports to `progress` (which may be empty). Throws Error{cancelled} when the caller asks to stop.
inline void report(const Progress& progress, double fraction, std::string_view what) {
  if (progress && !progress(fraction, what)) throw Error(Code::cancelled, "cancelled", std::string(what));
}

/// Of a part of the work: its 0..1 is begin..end of the whole. `progress` must outlive it.
inline Progress part_of(const Progress& progress, double begin, double end) {
  if (!progress) return {};
  return [&progress, begin, end](double done, std::string_view what) {
    return progress(begin + (end - begin) * done, what);
  };
}

}  // namespace embscope
