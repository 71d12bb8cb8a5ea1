#include "base/threads.h"

#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <string>

#include <omp.h>

#include "embscope/error.h"
#include "embscope/threads.h"

namespace embscope {
namespace {

// OpenMP's own setting holds for the calling thread only; this one for all of them.
std::atomic<int>& chosen() {
  static std::atomic<int> count{omp_get_max_threads()};
  return count;
}

}  // namespace

int threads() { return chosen(); }

void set_threads(int count) {
  if (count < 1 || count > 1024) throw Error(Code::range, "threads", std::to_string(count) + ": choose 1 to 1024");
  chosen() = count;
}

void run_chunks(std::int64_t chunks, const std::function<void(std::int64_t)>& body) {
  if (chunks == 1 || omp_in_parallel() || threads() == 1) {
    for (std::int64_t c = 0; c < chunks; ++c) body(c);
    return;
  }
  std::exception_ptr failure;
  std::int64_t failed = std::numeric_limits<std::int64_t>::max();
  std::mutex mutex;
#pragma omp parallel for schedule(dynamic) num_threads(threads())
  for (std::int64_t c = 0; c < chunks; ++c) {
    try {
      body(c);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (c < failed) failed = c, failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace embscope
