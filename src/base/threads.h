// Parallel loops over chunks of fixed size: the split never depends on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

namespace embscope {

/// Calls body(0) .. body(chunks - 1), each on whichever thread is free. The first exception (in chunk order) is
/// rethrown. Runs on the calling thread inside another parallel loop.
void run_chunks(std::int64_t chunks, const std::function<void(std::int64_t)>& body);

/// body(begin, end) for consecutive ranges of `chunk` indices that cover 0..count.
template <class F>
void parallel_for(std::int64_t count, std::int64_t chunk, F&& body) {
  if (count <= 0) return;
  if (count <= chunk) {
    body(std::int64_t{0}, count);
    return;
  }
  run_chunks((count + chunk - 1) / chunk, [&](std::int64_t c) { body(c * chunk, std::min(count, (c + 1) * chunk)); });
}

}  // namespace embscope
