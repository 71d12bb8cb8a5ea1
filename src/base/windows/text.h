// Windows names everything in UTF-16: text between it and UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace embscope {

std::wstring wide(std::string_view text);  ///< bytes that are not UTF-8 become U+FFFD
std::string narrow(std::wstring_view text);

/// What the system says of the last error of this thread.
std::string last_reason();

}  // namespace embscope
