#include "work.h"

#include <chrono>
#include <thread>
#include <vector>

#include "embscope/base/process.h"

namespace embscope::python {
namespace {

constexpr auto glance = std::chrono::milliseconds(50);  // between two looks for Ctrl-C
constexpr auto grace = std::chrono::milliseconds(100);  // for work that was told to stop

class Pool {
 public:
  void run(std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Worker* worker = idle_.back();
        idle_.pop_back();
        const std::lock_guard theirs(worker->mutex);
        worker->job = std::move(job);
        worker->changed.notify_one();
        return;
      }
    }
    auto* worker = new Worker{.job = std::move(job)};  // lives as long as the process
    std::thread([this, worker] { serve(*worker); }).detach();
  }

 private:
  struct Worker {
    std::mutex mutex{};
    std::condition_variable changed{};
    std::function<void()> job{};
  };

  void serve(Worker& worker) {
    for (;;) {
      std::function<void()> job;
      {
        std::unique_lock lock(worker.mutex);
        worker.changed.wait(lock, [&] { return static_cast<bool>(worker.job); });
        job.swap(worker.job);
      }
      job();
      job = {};
      const std::lock_guard lock(mutex_);
      idle_.push_back(&worker);
    }
  }

  std::mutex mutex_;
  std::vector<Worker*> idle_;
};

// A child made by fork has none of its parent's threads: it starts with a new pool.
Pool*& pool() {
  static Pool* pool = [] {
    in_children([] { python::pool() = new Pool; });
    return new Pool;
  }();
  return pool;
}

void show(const nb::object& progress, Desk& desk, double fraction, const std::string& what) {
  const nb::object answer = progress(fraction, nb::str(what.data(), what.size()));
  if (answer.is(nb::bool_(false))) desk.cancelled = true;
}

/// One look: runs what the work asks for, shows progress, sees Ctrl-C. Returns what was raised.
std::exception_ptr look(Desk& desk, const std::function<void()>* asked, const nb::object& progress, double fraction,
                        const std::string& what) {
  const nb::gil_scoped_acquire gil;
  try {
    if (asked != nullptr) (*asked)();
    if (fraction >= 0 && !progress.is_none()) show(progress, desk, fraction, what);
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  } catch (...) { return std::current_exception(); }
  return nullptr;
}

std::exception_ptr wait(Desk& desk, const nb::object& progress) {
  double shown = -1;
  std::unique_lock lock(desk.mutex);
  for (;;) {
    desk.changed.wait_for(lock, glance, [&] { return desk.finished || desk.asked != nullptr; });
    if (desk.finished) return desk.failure;
    const std::function<void()>* asked = desk.asked;
    const double fraction = desk.fraction == shown ? -1 : desk.fraction;
    const std::string what = desk.what;
    shown = desk.fraction;
    lock.unlock();
    std::exception_ptr raised = look(desk, asked, progress, fraction, what);
    lock.lock();
    if (raised) desk.cancelled = true;
    if (asked != nullptr) {
      desk.asked = nullptr;
      desk.changed.notify_all();
    }
    if (raised) {
      desk.changed.wait_for(lock, grace, [&] { return desk.finished; });
      return raised;
    }
  }
}

}  // namespace

void Caller::ask(const std::function<void()>& job) const {
  std::unique_lock lock(desk_->mutex);
  if (!desk_->cancelled) {
    desk_->asked = &job;
    desk_->changed.notify_all();
    desk_->changed.wait(lock, [&] { return desk_->asked == nullptr; });
  }
  if (desk_->cancelled) throw Error(Code::cancelled, "cancelled", "the caller asked to stop");
}

Progress Caller::progress() const {
  return [desk = desk_](double fraction, std::string_view what) {
    const std::lock_guard lock(desk->mutex);
    desk->fraction = fraction;
    desk->what = what;
    return !desk->cancelled;
  };
}

void hand_over(std::function<void()> job) { pool()->run(std::move(job)); }

void attend(Desk& desk, const nb::object& progress) {
  std::exception_ptr raised;
  {
    const nb::gil_scoped_release release;
    raised = wait(desk, progress);
  }
  if (raised) std::rethrow_exception(raised);
}

}  // namespace embscope::python
