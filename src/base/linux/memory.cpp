#include "base/memory.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace embscope {
namespace {

// The least of what a control group and those around it are allowed; `root` is where their hierarchy is mounted. Inside
// a container the group's path may not be there: then what is mounted is the container's own.
std::uint64_t least_limit(const std::filesystem::path& root, std::string path, const char* file) {
  std::uint64_t least = UINT64_MAX, limit = 0;
  for (; !path.empty(); path.resize(path.rfind('/'))) {
    if (std::ifstream(root.string() + path + "/" + file) >> limit)
      least = std::min(least, limit);  // "max" is not a number
  }
  if (std::ifstream(root / file) >> limit) least = std::min(least, limit);
  return least;
}

}  // namespace

std::uint64_t memory_allowed() {
  std::uint64_t bytes = memory_size();
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/path" of version 2, "4:memory:/path" of version 1
    const std::size_t path = line.find(":/");
    if (path == std::string::npos) continue;
    std::string own = line.substr(path + 1);
    if (own == "/") own.clear();
    if (line.starts_with("0::")) bytes = std::min(bytes, least_limit("/sys/fs/cgroup", own, "memory.max"));
    if (line.substr(0, path).ends_with(":memory"))
      bytes = std::min(bytes, least_limit("/sys/fs/cgroup/memory", own, "memory.limit_in_bytes"));
  }
  return bytes;
}

}  // namespace embscope
