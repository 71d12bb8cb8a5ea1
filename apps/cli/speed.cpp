#include "speed.h"

#include <fmt/format.h>

namespace embscope::cli {

void Speed::token() {
  last_ = std::chrono::steady_clock::now();
  if (count_++ == 0) first_ = last_;
}

std::string Speed::text() const {
  const double seconds = std::chrono::duration<double>(last_ - first_).count();
  if (count_ < 2 || seconds <= 0) return fmt::format("{} token{}", count_, count_ == 1 ? "" : "s");
  return fmt::format("{} tokens, {:.1f} a second", count_, (count_ - 1) / seconds);
}

}  // namespace embscope::cli
