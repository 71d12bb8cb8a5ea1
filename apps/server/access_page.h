// The page for a browser without a session, in place of a JSON error.
// Thread rule: pure functions.
#pragma once

#include "http.h"

namespace embscope::server {

enum class NoAccess {
  no_session,  ///< no cookie, or one that is no longer valid
  used_link,   ///< a one-time token that has already been used or never existed
  wrong_code,  ///< not the code of the class
};

/// A page that says what to do, with status 401. With `for_class` it has a field for the code of the class.
Answer access_page(NoAccess why, bool for_class);

}  // namespace embscope::server
