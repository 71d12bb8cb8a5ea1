// Lists of words in sections: ": name" begins one, # a comment; the format of all built-in lists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace embscope {

struct Section {
  std::string name;
  struct Line {
    std::size_t number;  // from 1
    std::vector<std::string> words;
  };
  std::vector<Line> lines;
};

/// Sections of a text; lines before the first ": name" go to a section called `unnamed`. Words are split at spaces and
/// tabs.
std::vector<Section> read_sections(std::string_view text, std::string_view unnamed);

/// The parts between `separator`s without empty parts and without "\r".
std::vector<std::string> split(std::string_view text, std::string_view separators);

}  // namespace embscope
