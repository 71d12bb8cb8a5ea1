// Explorer: the files of web/dist, embedded in the binary when it was built.
// Thread rule: immutable.
#pragma once

#include "http.h"

namespace embscope::server {

/// The file at a call's path; paths without an extension give index.html. If the explorer was not built, a page that
/// says how to build it. Throws Refusal{404}.
Answer explorer_page(const Call& call);

}  // namespace embscope::server
