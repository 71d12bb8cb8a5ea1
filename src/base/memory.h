// The size of the memory.
#pragma once

#include <cstdint>

namespace embscope {

/// The number of bytes that this process may use: the machine's memory, or the limit of its control group or of one
/// around it.
std::uint64_t memory_allowed();

}  // namespace embscope
