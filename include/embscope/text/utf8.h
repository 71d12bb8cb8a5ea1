// Valid text for formats that require it: JSON, HTML, SVG.
#pragma once

#include <string>
#include <string_view>

namespace embscope {

/// The same text with U+FFFD in place of each byte that is not valid UTF-8 (RFC 3629: no overlong forms, no
/// surrogates).
std::string well_formed(std::string_view text);

}  // namespace embscope
