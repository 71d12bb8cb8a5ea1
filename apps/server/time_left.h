// TimeLeft: how long work that reports its progress will still take, at the pace of the last half of its time or more:
// the parts of work are not equally long. What comes before its first part (reports of 0), and pauses, do not count.
// Thread rule: none; its owner has a mutex.
#pragma once

#include <chrono>
#include <optional>

namespace embscope::server {

class TimeLeft {
 public:
  void go_on() { since_ = Clock::now(); }
  void pause() { worked_ = worked(); }
  void reached(double fraction) {
    if (fraction == 0 && now_ == 0) worked_ = 0, go_on();
    now_ = fraction;
    const double seconds = worked();
    if (fraction > 0 && seconds >= 2 * later_.seconds) earlier_ = later_, later_ = {seconds, fraction};
  }
  /// Of work that is not paused. Nothing while too little is done: the first parts of it say little.
  std::optional<double> seconds() const {
    const double seconds = worked();
    const double pace = (now_ - earlier_.fraction) / (seconds - earlier_.seconds);
    if (now_ <= 0 || seconds < 1 || (now_ < 0.01 && seconds < 3) || pace <= 0) return {};
    return (1 - now_) / pace;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Mark {
    double seconds = 0, fraction = 0;
  };
  double worked() const { return worked_ + std::chrono::duration<double>(Clock::now() - since_).count(); }

  double now_ = 0;        // the fraction that is done
  double worked_ = 0;     // seconds, until `since_`
  Mark earlier_, later_;  // the pace is measured from `earlier_`; at twice the time of `later_` both move on
  Clock::time_point since_ = Clock::now();
};

}  // namespace embscope::server
