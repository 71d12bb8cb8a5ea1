#include "base/folder.h"

#include <cerrno>
#include <cstdlib>

#include <unistd.h>  // mkdtemp, on macOS

#include "base/system.h"
#include "embscope/base/error.h"

namespace embscope {
namespace fs = std::filesystem;

std::error_code create_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error && !fs::is_directory(folder, error) && !error) error = std::make_error_code(std::errc::not_a_directory);
  return error;
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    names.insert(entry->path().filename().string());
  return names;
}

TemporaryFolder::TemporaryFolder(std::string_view name) {
  std::string pattern = (temporary_files() / (std::string(name) + "-XXXXXX")).string();
  if (mkdtemp(pattern.data()) == nullptr)
    throw Error(Code::io, pattern, "cannot make this folder: " + std::generic_category().message(errno));
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace embscope
