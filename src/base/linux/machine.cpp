#include "embscope/base/machine.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <sched.h>
#include <sys/utsname.h>

#include "base/memory.h"
#include "base/system.h"

namespace embscope {
namespace {

// The value of the first line "KEY: value" or "KEY : value" of a file of /proc.
std::string entry_of(const char* file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1) != key) continue;
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

}  // namespace

Machine this_machine() {
  Machine machine;
  utsname system{};
  if (uname(&system) == 0) machine.system = std::string(system.sysname) + " " + system.release + ", " + system.machine;
  machine.processor = entry_of("/proc/cpuinfo", "model name");
  machine.processors = static_cast<int>(std::thread::hardware_concurrency());
  machine.memory = memory_allowed();
  machine.free_memory = std::strtoull(entry_of("/proc/meminfo", "MemAvailable").c_str(), nullptr, 10) * 1024;  // in kB
  machine.free_memory = std::min(machine.free_memory, machine.memory);
  return machine;
}

int processors() {
  cpu_set_t mine;
  return sched_getaffinity(0, sizeof(mine), &mine) == 0 ? std::max(1, CPU_COUNT(&mine)) : 1;
}

}  // namespace embscope
