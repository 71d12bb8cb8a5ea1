#include "embscope/base/machine.h"

#include <algorithm>
#include <thread>

#include <windows.h>

#include "base/memory.h"
#include "base/system.h"
#include "base/windows/text.h"

namespace embscope {
namespace {

std::string registry_text(const wchar_t* key, const wchar_t* name) {
  wchar_t text[256];
  DWORD size = sizeof(text);
  if (RegGetValueW(HKEY_LOCAL_MACHINE, key, name, RRF_RT_REG_SZ, nullptr, text, &size) != ERROR_SUCCESS) return "";
  std::string value = narrow(text);
  value.erase(value.find_last_not_of(' ') + 1);
  return value;
}

// The build number says more than the version, which is 10.0 for Windows 11 too.
std::string system_name() {
  const wchar_t* key = L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";
  std::string name = registry_text(key, L"ProductName"), build = registry_text(key, L"CurrentBuildNumber");
  if (name.empty()) name = "Windows";
  return name + (build.empty() ? "" : " build " + build) + ", x86_64";
}

}  // namespace

Machine this_machine() {
  Machine machine;
  machine.system = system_name();
  machine.processor = registry_text(L"HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0", L"ProcessorNameString");
  machine.processors = static_cast<int>(std::thread::hardware_concurrency());
  machine.memory = memory_allowed();
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof(status);
  if (GlobalMemoryStatusEx(&status)) machine.free_memory = std::min<std::uint64_t>(status.ullAvailPhys, machine.memory);
  return machine;
}

int processors() {
  DWORD_PTR mine = 0, all = 0;
  if (!GetProcessAffinityMask(GetCurrentProcess(), &mine, &all) || mine == 0)  // 0: of several groups, all
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return __builtin_popcountll(mine);
}

}  // namespace embscope
