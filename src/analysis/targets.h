// Columns that are called as their user's words.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "embscope/tokenizer.h"

namespace embscope {

/// The column of a followed word, which may be called as a column that the table has anyway: "top (2)".
inline std::string target_column(std::string_view word, std::initializer_list<std::string_view> own) {
  std::string name = visible(word);
  return std::ranges::find(own, name) == own.end() ? name : name + " (2)";
}

}  // namespace embscope
