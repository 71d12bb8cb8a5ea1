#include "base/file.h"

#include <string>

namespace embscope {

// NAME.tmp-PID-COUNT
bool is_leftover(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  const std::size_t mark = name.rfind(".tmp-");
  return mark != std::string::npos && mark > 0 && name.find_first_not_of("0123456789-", mark + 5) == std::string::npos;
}

}  // namespace embscope
