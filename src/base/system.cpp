#include "base/system.h"

#include <algorithm>
#include <system_error>

#include "embscope/base/error.h"

namespace embscope {

std::filesystem::path temporary_files() {
  std::error_code error;
  std::filesystem::path folder = std::filesystem::temp_directory_path(error);
  if (error)
    throw Error(Code::io, "temporary files",
                "there is no folder for them (" + error.message() + "): set TMPDIR, on Windows TMP, to one");
  return folder;
}

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
