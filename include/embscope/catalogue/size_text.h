// Size text: a number of bytes for people. Thread rule: a pure function.
#pragma once

#include <string>

namespace embscope {

/// "12 kB", "3.4 MB", "5.6 GB".
std::string size_text(double bytes);

}  // namespace embscope
