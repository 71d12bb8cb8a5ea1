// Whole numbers as reports and figures write them.
#pragma once

#include <cstdint>
#include <string>

namespace embscope {

/// 1207934976 -> "1,207,934,976".
inline std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

}  // namespace embscope
