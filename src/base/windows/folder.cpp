// std::filesystem lists and makes no folder whose path is over 260 characters, so the system is asked itself.
#include "base/folder.h"

#include <random>

#include <windows.h>

#include "base/system.h"
#include "base/windows/path.h"
#include "base/windows/text.h"
#include "embscope/base/error.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

bool is_folder(const std::wstring& path) {
  const DWORD attributes = GetFileAttributesW(path.c_str());
  return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

std::error_code last_error() { return {static_cast<int>(GetLastError()), std::system_category()}; }

}  // namespace

std::error_code create_folders(const fs::path& folder) {
  expect_name(folder);
  const fs::path whole = fs::absolute(folder).lexically_normal();
  fs::path made = whole.root_path();
  for (const fs::path& part : whole.relative_path()) {
    if (part.empty()) continue;
    made /= part;
    const std::wstring name = long_path(made);
    if (!CreateDirectoryW(name.c_str(), nullptr) && !is_folder(name)) return last_error();
  }
  return {};
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  WIN32_FIND_DATAW entry;
  const HANDLE found = FindFirstFileW((long_path(folder) + L"\\*").c_str(), &entry);
  if (found == INVALID_HANDLE_VALUE) return names;
  do {
    const std::wstring_view name = entry.cFileName;
    if (name != L"." && name != L"..") names.insert(narrow(name));
  } while (FindNextFileW(found, &entry));
  FindClose(found);
  return names;
}

// %TEMP% is a folder of this user alone.
TemporaryFolder::TemporaryFolder(std::string_view name) {
  std::random_device random;
  do {
    path_ = temporary_files() / (std::string(name) + "-" + std::to_string(random()));
    if (CreateDirectoryW(long_path(path_).c_str(), nullptr)) return;
  } while (GetLastError() == ERROR_ALREADY_EXISTS);
  throw Error(Code::io, path_.string(), "cannot make this folder: " + last_reason());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace embscope
