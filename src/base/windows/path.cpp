// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
#include "base/windows/path.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <windows.h>

#include "base/windows/text.h"
#include "embscope/base/error.h"

namespace embscope {
namespace {

bool is_device(std::wstring name) {
  name = name.substr(0, name.find(L'.'));
  name.erase(name.find_last_not_of(L' ') + 1);
  std::ranges::transform(name, name.begin(), [](wchar_t c) { return c >= L'A' && c <= L'Z' ? c + 32 : c; });
  constexpr std::array<std::wstring_view, 6> devices{L"con", L"prn", L"aux", L"nul", L"conin$", L"conout$"};
  if (std::ranges::find(devices, name) != devices.end()) return true;
  const bool port = name.starts_with(L"com") || name.starts_with(L"lpt");
  return port && name.size() == 4 && std::wstring_view(L"0123456789\u00b9\u00b2\u00b3").find(name[3]) != name.npos;
}

std::string problem_of(const std::wstring& name) {
  if (name == L"." || name == L"..") return "";
  if (is_device(name)) return "Windows has this name for a device";
  if (name.back() == L'.' || name.back() == L' ') return "Windows allows no name that ends in a dot or a space";
  const auto forbidden = [](wchar_t c) {
    return c < 32 || std::wstring_view(L"<>:\"|?*").find(c) != std::string::npos;
  };
  const auto at = std::ranges::find_if(name, forbidden);
  return at == name.end() ? "" : "Windows allows no '" + narrow({&*at, 1}) + "' in a name";
}

}  // namespace

std::wstring long_path(const std::filesystem::path& path) {
  std::wstring native = path.native();
  if (native.starts_with(L"\\\\?\\") || native.starts_with(L"\\\\.\\")) return native;
  std::wstring whole(GetFullPathNameW(native.c_str(), 0, nullptr, nullptr), L' ');
  whole.resize(GetFullPathNameW(native.c_str(), static_cast<DWORD>(whole.size()), whole.data(), nullptr));
  if (whole.starts_with(L"\\\\")) return L"\\\\?\\UNC" + whole.substr(1);
  return L"\\\\?\\" + whole;
}

void expect_name(const std::filesystem::path& path) {
  for (const std::filesystem::path& part : path.relative_path()) {
    if (part.empty()) continue;
    if (const std::string problem = problem_of(part.native()); !problem.empty())
      throw Error(Code::io, path.string(), "'" + part.string() + "': " + problem + ": choose another");
  }
}

}  // namespace embscope
