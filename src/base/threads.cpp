#include "base/threads.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

#include "base/system.h"
#include "embscope/base/error.h"
#include "embscope/base/threads.h"

// Why not OpenMP: its threads spin while they wait for each other. That costs nothing on an idle machine, but a factor
// of a hundred if another process uses the cores (parallel tests, a browser); two callers get two teams on the same
// cores; a forked child hangs; ThreadSanitizer cannot check it. Here waiting threads sleep, and one loop at a time uses
// the team: a caller that finds it in use works on its own thread.

namespace embscope {
namespace {

constexpr int patience =
    2000;  // checks before sleeping, about 30 microseconds: the gap between two loops of a forward pass

thread_local bool in_a_loop = false;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// One parallel loop. Shared with its helpers, so that a late helper still finds it, and finds it finished.
class Loop {
 public:
  Loop(std::int64_t chunks, const std::function<void(std::int64_t)>& body, int helpers)
      : chunks_(chunks), body_(body), places_(helpers) {}

  /// Takes chunks until none is left. `body` outlives every chunk, because the caller waits for all of them.
  void work() {
    in_a_loop = true;
    for (std::int64_t c = next_++; c < chunks_; c = next_++) {
      call(c);
      if (++done_ < chunks_) continue;
      const std::lock_guard lock(mutex_);
      ended_.notify_one();
    }
    in_a_loop = false;
  }

  void help() {
    if (places_-- > 0) work();
  }

  void finish() {
    for (int look = 0; look < patience && done_ != chunks_; ++look) pause();
    // Not done_.wait: without futexes (Windows) that of libstdc++ 12 misses what comes between its look and its sleep.
    if (done_ != chunks_) {
      std::unique_lock lock(mutex_);
      ended_.wait(lock, [&] { return done_ == chunks_; });
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void call(std::int64_t c) {
    try {
      body_(c);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (c < failed_) failed_ = c, failure_ = std::current_exception();
    }
  }

  const std::int64_t chunks_;
  const std::function<void(std::int64_t)>& body_;
  std::atomic<int> places_;
  std::atomic<std::int64_t> next_ = 0, done_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::exception_ptr failure_;
  std::int64_t failed_ = std::numeric_limits<std::int64_t>::max();
};

/// The helper threads. They live as long as the process.
class Team {
 public:
  /// False if the team is running another caller's loop.
  bool run(std::int64_t chunks, const std::function<void(std::int64_t)>& body, int helpers) {
    const std::unique_lock taken(taken_, std::try_to_lock);
    if (!taken) return false;
    grow(helpers);
    const auto loop = std::make_shared<Loop>(chunks, body, helpers);
    call_for_help(loop);
    loop->work();
    loop->finish();
    return true;
  }

 private:
  /// If the system gives no more threads, the existing ones do the work.
  void grow(int helpers) try {
    for (; size_ < helpers; ++size_) std::thread([this] { serve(); }).detach();
  } catch (const std::system_error&) {}

  void call_for_help(const std::shared_ptr<Loop>& loop) {
    {
      const std::lock_guard lock(mutex_);
      loop_ = loop;
      ++turn_;
    }
    if (asleep_ > 0) wake_.notify_all();
  }

  std::shared_ptr<Loop> next_loop(std::int64_t& seen) {
    for (int look = 0; look < patience && turn_ == seen; ++look) pause();
    std::unique_lock lock(mutex_);
    ++asleep_;
    wake_.wait(lock, [&] { return turn_ != seen; });
    --asleep_;
    seen = turn_;
    return loop_;
  }

  [[noreturn]] void serve() {
    for (std::int64_t seen = 0;;) next_loop(seen)->help();
  }

  std::mutex taken_;  // by the caller whose loop it is
  std::mutex mutex_;  // of loop_, and of turn_ when it changes
  std::condition_variable wake_;
  std::shared_ptr<Loop> loop_;
  std::atomic<std::int64_t> turn_ = 0;
  std::atomic<int> asleep_ = 0;
  int size_ = 0;
};

/// Never destroyed: its threads may be sleeping in it when the process ends. A forked child has none of these threads
/// and gets a new team.
std::atomic<Team*>& team() {
  static std::atomic<Team*> team{[] {
    in_children([] { embscope::team() = new Team; });
    return new Team;
  }()};
  return team;
}

int at_first() {
  // Users set this variable, although it is named after another library.
  const int count = std::atoi(environment("OMP_NUM_THREADS").c_str());
  if (count >= 1 && count <= 1024) return count;
  return processors();
}

std::atomic<int>& chosen() {
  static std::atomic<int> count{at_first()};
  return count;
}

void run_alone(std::int64_t chunks, const std::function<void(std::int64_t)>& body) {
  for (std::int64_t c = 0; c < chunks; ++c) body(c);
}

}  // namespace

int threads() { return chosen(); }

void set_threads(int count) {
  if (count < 1 || count > 1024) throw Error(Code::range, "threads", std::to_string(count) + ": choose 1 to 1024");
  chosen() = count;
}

void run_chunks(std::int64_t chunks, const std::function<void(std::int64_t)>& body) {
  const auto helpers = static_cast<int>(std::min<std::int64_t>(threads(), chunks)) - 1;
  if (helpers < 1 || in_a_loop || !team().load()->run(chunks, body, helpers)) run_alone(chunks, body);
}

}  // namespace embscope
