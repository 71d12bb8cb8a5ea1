#include "base/memory.h"

#include <algorithm>
#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

namespace embscope {
namespace {

// The whole pages of `size` bytes that lie within the memory.
template <class Advise>
void for_whole_pages(void* memory, std::size_t bytes, std::uintptr_t size, Advise&& advise) {
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = (begin + size - 1) / size * size, last = (begin + bytes) / size * size;
  if (first < last) advise(reinterpret_cast<void*>(first), last - first);
}

}  // namespace

std::uint64_t memory_size() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void* allocate(std::size_t alignment, std::size_t bytes) { return std::aligned_alloc(alignment, bytes); }

void give_back(void* memory) { std::free(memory); }

void want_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  for_whole_pages(memory, bytes, 1 << 21, [](void* at, std::size_t size) { madvise(at, size, MADV_HUGEPAGE); });
#endif
}

void offer_pages(void* memory, std::size_t bytes) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for_whole_pages(memory, bytes, page, [](void* at, std::size_t size) { madvise(at, size, MADV_FREE); });
}

}  // namespace embscope
