#include "base/memory.h"

#include <algorithm>
#include <fstream>

#include <unistd.h>

namespace embscope {

std::uint64_t memory_allowed() {
  auto bytes = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  for (const char* file :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {  // versions 2 and 1
    std::uint64_t limit = 0;
    if (std::ifstream(file) >> limit) bytes = std::min(bytes, limit);  // "max" is not a number
  }
  return bytes;
}

}  // namespace embscope
