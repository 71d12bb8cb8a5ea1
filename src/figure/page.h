// Self-contained HTML.
#pragma once

#include <string>

#include "embscope/figure/figure.h"

namespace embscope {

/// One figure as a page.
std::string page_of(const Figure& figure);

/// JSON that may stand inside <script>: no "</script>" and no "<!--" can occur in it.
std::string script_safe(std::string_view json);

}  // namespace embscope
