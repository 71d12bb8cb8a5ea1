#include "base/threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <string>

#ifndef EMBSCOPE_STD_THREADS
#include <omp.h>
#else
#include <cstdlib>
#include <thread>
#include <vector>
#endif

#include "embscope/error.h"
#include "embscope/threads.h"

namespace embscope {
namespace {

#ifndef EMBSCOPE_STD_THREADS

int at_first() { return omp_get_max_threads(); }
bool inside() { return omp_in_parallel() != 0; }

template <class F>
void share_out(std::int64_t chunks, int count, const F& body) {
#pragma omp parallel for schedule(dynamic) num_threads(count)
  for (std::int64_t c = 0; c < chunks; ++c) body(c);
}

#else  // Plain threads, every wait of which ThreadSanitizer sees: it knows nothing of what GCC's OpenMP does.

int at_first() {
  const char* wanted = std::getenv("OMP_NUM_THREADS");
  const int count = wanted == nullptr ? 0 : std::atoi(wanted);
  return count >= 1 && count <= 1024 ? count : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

thread_local bool in_a_loop = false;
bool inside() { return in_a_loop; }

template <class F>
void share_out(std::int64_t chunks, int count, const F& body) {
  std::atomic<std::int64_t> next = 0;
  auto work = [&] {
    in_a_loop = true;
    for (std::int64_t c = next++; c < chunks; c = next++) body(c);
    in_a_loop = false;
  };
  std::vector<std::jthread> team;
  for (std::int64_t t = 1; t < std::min<std::int64_t>(count, chunks); ++t) team.emplace_back(work);
  work();
}

#endif

// OpenMP's own setting holds for the calling thread only; this one for all of them.
std::atomic<int>& chosen() {
  static std::atomic<int> count{at_first()};
  return count;
}

}  // namespace

int threads() { return chosen(); }

void set_threads(int count) {
  if (count < 1 || count > 1024) throw Error(Code::range, "threads", std::to_string(count) + ": choose 1 to 1024");
  chosen() = count;
}

void run_chunks(std::int64_t chunks, const std::function<void(std::int64_t)>& body) {
  if (chunks == 1 || inside() || threads() == 1) {
    for (std::int64_t c = 0; c < chunks; ++c) body(c);
    return;
  }
  std::exception_ptr failure;
  std::int64_t failed = std::numeric_limits<std::int64_t>::max();
  std::mutex mutex;
  share_out(chunks, threads(), [&](std::int64_t c) {
    try {
      body(c);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (c < failed) failed = c, failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
}

}  // namespace embscope
