// Columns that are called as their user's words.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

namespace embscope {

/// The column of a followed token, whose label may be the name of a column that the table has anyway: "top (2)".
inline std::string target_column(std::string name, std::initializer_list<std::string_view> own) {
  return std::ranges::find(own, name) == own.end() ? name : name + " (2)";
}

}  // namespace embscope
