// Paths as the system takes them.
#pragma once

#include <filesystem>
#include <string>

namespace embscope {

/// The whole path in the form that may be longer than 260 characters (\\\\?\\C:\\...).
std::wstring long_path(const std::filesystem::path& path);

/// Throws Error{io} for a name that Windows forbids, or has for a device: con, nul.txt, a trailing dot or space, ...
void expect_name(const std::filesystem::path& path);

}  // namespace embscope
