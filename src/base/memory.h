// How much memory there is.
#pragma once

#include <cstdint>

namespace embscope {

/// Bytes that this process may use at most: the machine's memory, or what its control group, or one around it, is
/// allowed.
std::uint64_t memory_allowed();

}  // namespace embscope
