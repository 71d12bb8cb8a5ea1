// Columns that are named after the user's words.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

namespace embscope {

/// The column name of a target token, whose label may equal another column of the table: "top (2)".
inline std::string target_column(std::string name, std::initializer_list<std::string_view> own) {
  return std::ranges::find(own, name) == own.end() ? name : name + " (2)";
}

}  // namespace embscope
