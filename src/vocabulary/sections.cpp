#include "vocabulary/sections.h"

#include "base/lines.h"

#include <algorithm>

namespace embscope {

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    std::string piece(text.substr(0, end));
    if (piece.ends_with('\r')) piece.pop_back();
    if (!piece.empty()) out.push_back(std::move(piece));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::vector<Section> read_sections(std::string_view text, std::string_view unnamed) {
  std::vector<Section> sections;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (line.starts_with('#')) continue;
    if (line.starts_with(':')) {
      const auto words = split(line.substr(1), " \t");
      std::string name;
      for (const std::string& word : words) name += (name.empty() ? "" : " ") + word;
      sections.push_back({std::move(name), {}});
      continue;
    }
    auto words = split(line, " \t");
    if (words.empty()) continue;
    if (sections.empty()) sections.push_back({std::string(unnamed), {}});
    sections.back().lines.push_back({number, std::move(words)});
  }
  return sections;
}

}  // namespace embscope
