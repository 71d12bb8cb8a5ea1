// Work: the engine computes on a thread of its own while the thread that called waits, without the interpreter's lock.
// The waiting thread does what belongs to Python: it looks for Ctrl-C twenty times a second, shows progress, and runs
// hooks. So the interpreter's lock is never taken by the engine, and a hook sees its caller's thread-local state.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>

#include "embscope/base/progress.h"

namespace embscope::python {

namespace nb = nanobind;

using Maybe = std::optional<nb::object>;  ///< an argument that may be None

/// Where the working and the waiting thread meet. Shared by both: a caller who has been interrupted leaves, and the
/// work, told to stop, ends by itself.
struct Desk {
  std::mutex mutex;
  std::condition_variable changed;
  const std::function<void()>* asked = nullptr;  ///< to be run by the caller
  bool finished = false;
  std::exception_ptr failure;
  std::atomic<bool> cancelled{false};
  double fraction = -1;  ///< of the progress; negative before the first report
  std::string what;
};

/// The waiting thread as the work sees it.
class Caller {
 public:
  explicit Caller(std::shared_ptr<Desk> desk) : desk_(std::move(desk)) {}
  /// Runs `job` on the calling thread, which then holds the interpreter's lock. Throws Error{cancelled} when the caller
  /// has left or the job failed (the caller then raises what the job raised).
  void ask(const std::function<void()>& job) const;
  bool cancelled() const { return desk_->cancelled; }
  Progress progress() const;

 private:
  std::shared_ptr<Desk> desk_;
};

/// Gives `job` to an idle thread of the pool, or a new one. A process made by fork starts with none.
void hand_over(std::function<void()> job);

/// Waits for the work. Throws its Error, what a job or `progress` raised, or KeyboardInterrupt.
void attend(Desk& desk, const nb::object& progress);

/// Runs body(caller) on another thread and returns what it gives. `body` owns what it uses, and nothing of Python but
/// arrays.
template <class F>
auto work(F body, const Maybe& progress = std::nullopt) {
  using Given = decltype(body(std::declval<const Caller&>()));
  struct State {
    F body;
    std::optional<Given> given;
  };
  auto state = std::make_shared<State>(std::move(body), std::nullopt);
  auto desk = std::make_shared<Desk>();
  hand_over([held = state, desk]() mutable {
    std::exception_ptr failure;
    try {
      held->given.emplace(held->body(Caller(desk)));
    } catch (...) { failure = std::current_exception(); }
    held.reset();  // a caller who is still there is the last to let go
    const std::lock_guard lock(desk->mutex);
    desk->failure = std::move(failure);
    desk->finished = true;
    desk->changed.notify_all();
  });
  attend(*desk, progress ? *progress : nb::none());
  return std::move(*state->given);
}

}  // namespace embscope::python
