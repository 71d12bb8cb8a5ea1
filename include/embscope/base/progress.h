// Progress: how long operations report their progress to the caller, and how the caller stops them.
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

/// The Progress of one part of the work, whose 0..1 is begin..end of the whole. `progress` must outlive it.
inline Progress part_of(const Progress& progress, double begin, double end) {
  if (!progress) return {};
  return [&progress, begin, end](double done, std::string_view what) {
    return progress(begin + (end - begin) * done, what);
  };
}

}  // namespace embscope
