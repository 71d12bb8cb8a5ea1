// The page of a closed door: what a browser without a session is shown, in place of JSON.
// Thread rule: pure functions.
#pragma once

#include "http.h"

namespace embscope::server {

enum class Door {
  no_session,  ///< no cookie, or one that is not known any more
  used_link,   ///< a one-time token that was used already, or never was one
  wrong_code,  ///< not the code of the class
};

/// A page that says what to do, with status 401. With `for_class` it has a field for the code of the class.
Answer door_page(Door door, bool for_class);

}  // namespace embscope::server
