// The counting allocation functions, apart from those who use them: inlined, GCC takes their malloc and free for a
// mismatch.
#include "files/allocated.h"

#include <cstdlib>
#include <new>

std::atomic<std::size_t> allocated = 0;

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ALLOCATIONS_ARE_THE_SANITIZERS
#endif
#endif

#ifdef ALLOCATIONS_ARE_THE_SANITIZERS
// A sanitizer has operators of its own, which tell whoever defines this of each allocation.
extern "C" void __sanitizer_malloc_hook(const volatile void*, std::size_t bytes) { allocated += bytes; }
#else
void* operator new(std::size_t bytes) {
  allocated += bytes;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif
