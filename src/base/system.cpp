#include "base/system.h"

#include <algorithm>

namespace embscope {

std::vector<std::filesystem::path> folders_in(std::string list) {
  constexpr char separator = std::filesystem::path::preferred_separator == '/' ? ':' : ';';
  std::vector<std::filesystem::path> folders;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(separator), list.size());
    if (end > 0) folders.emplace_back(list.substr(0, end));
    list.erase(0, end + 1);
  }
  return folders;
}

}  // namespace embscope
