// The lines of a text file from any system: they end in \n or \r\n, and a byte-order mark may come before the first.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace embscope {

inline constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";  // of UTF-8

inline std::string_view without_mark(std::string_view text) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  return text;
}

/// The next line without its end; both are removed from `rest`. Precondition: `rest` is not empty.
inline std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// All lines, without their ends and the mark: views into `text`. The text after the last end is a line unless it is
/// empty.
inline std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::string_view rest = without_mark(text); !rest.empty();) lines.push_back(take_line(rest));
  return lines;
}

}  // namespace embscope
