// Every allocation of the test program is counted: a file must not cost more than its own size makes plausible.
#pragma once

#include <atomic>
#include <cstddef>

extern std::atomic<std::size_t> allocated;  ///< bytes asked of operator new (of malloc, under a sanitizer) so far
