#include "embscope/base/machine.h"

#include <algorithm>
#include <thread>

#include <sys/sysctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/system.h"

namespace embscope {
namespace {

std::string text_of(const char* name) {
  char text[256] = "";
  std::size_t size = sizeof(text) - 1;
  return sysctlbyname(name, text, &size, nullptr, 0) == 0 ? text : "";
}

// Pages that nothing uses, and those whose files can be read again.
std::uint64_t free_bytes() {
  std::uint64_t pages = 0;
  for (const char* name : {"vm.page_free_count", "vm.page_purgeable_count", "vm.pages_pageable_external_count"}) {
    unsigned count = 0;
    std::size_t size = sizeof(count);
    if (sysctlbyname(name, &count, &size, nullptr, 0) == 0) pages += count;
  }
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Machine this_machine() {
  Machine machine;
  utsname system{};
  if (uname(&system) == 0) machine.system = std::string(system.sysname) + " " + system.release + ", " + system.machine;
  if (const std::string version = text_of("kern.osproductversion"); !version.empty())
    machine.system = "macOS " + version + ", " + system.machine;
  machine.processor = text_of("machdep.cpu.brand_string");
  machine.processors = static_cast<int>(std::thread::hardware_concurrency());
  machine.memory = memory_allowed();
  machine.free_memory = std::min(free_bytes(), machine.memory);
  return machine;
}

int processors() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

std::uint64_t memory_allowed() { return memory_size(); }

}  // namespace embscope
