// Memory: its size, and what the system is told of how it is used.
#pragma once

#include <cstddef>
#include <cstdint>

namespace embscope {

/// The number of bytes that this process may use: the machine's memory, or the limit of its control group or of one
/// around it.
std::uint64_t memory_allowed();

/// The bytes of the machine's memory.
std::uint64_t memory_size();

/// Memory that begins at a multiple of `alignment`, of which `bytes` is a multiple too; nullptr if there is none.
void* allocate(std::size_t alignment, std::size_t bytes);
void give_back(void* memory);

/// One page of 2 MiB costs one fault where small ones cost 512: asks for large pages in these bytes.
void want_large_pages(void* memory, std::size_t bytes);

/// The values are no longer needed: the system may take the pages when it is short of memory.
void offer_pages(void* memory, std::size_t bytes);

}  // namespace embscope
