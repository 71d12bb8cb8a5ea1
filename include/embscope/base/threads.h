// Threads: how many the library uses. Results never depend on the number, bit for bit.
// Thread rule: set it before the work starts; it is a process-wide setting.
#pragma once

namespace embscope {

/// The number of threads that parallel loops use; by default all processors (or OMP_NUM_THREADS).
int threads();

/// Sets the number of threads. Throws Error{range} unless 1 <= count <= 1024.
void set_threads(int count);

}  // namespace embscope
