// Folders: made, listed, and temporary ones.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

namespace embscope {

/// Makes the folder and those above it. Not an error where it is there already. Throws Error{io} for a name that the
/// system forbids.
std::error_code create_folders(const std::filesystem::path& folder);

/// The names of what is in the folder; none where it cannot be read.
std::set<std::string> names_in(const std::filesystem::path& folder);

/// An empty folder of this user alone among the temporary files, which is removed with all that is in it. Throws
/// Error{io}.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(std::string_view name);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace embscope
