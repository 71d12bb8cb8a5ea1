// Jobs: long work that outlives its request. A browser that reloads finds it again by its number.
// Lifetime: a job's thread holds it. Thread rule: any number of threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "http.h"
#include "time_left.h"

#include "embscope/tensor/table.h"
#include "embscope/tensor/tensor.h"
#include "embscope/text/tokenizer.h"

namespace embscope::server {

class Jobs;

class Job : public std::enable_shared_from_this<Job> {
 public:
  enum class State { queued, running, paused, done, failed, cancelled };

  Job(Jobs& jobs, int id, std::string kind, Visitor visitor)
      : jobs_(jobs), id_(id), kind_(std::move(kind)), visitor_(visitor) {}

  // For the work itself, on the job's thread.
  /// Reports the progress; waits here while paused. Throws Error{cancelled} after `cancel`.
  void report(double fraction, std::string_view what);
  Progress progress();
  /// Rows [N, 2] that can be read while the job runs.
  void publish(const Tensor& points);
  void publish_frame(const Tensor& points);  ///< the same, and what was published this way before stays to be read
  void set_ids(std::vector<TokenId> ids, std::function<std::string(TokenId)> label);
  void set_labels(std::vector<std::string> labels);
  void set_partial(std::string json);  ///< partial results, in addition to the points
  /// The k nearest of a token, in the space that is mapped; `bytes` is what it holds for that.
  void set_nearest(std::function<Table(TokenId, int)> nearest, std::size_t bytes);

  // For requests.
  int id() const { return id_; }
  const std::string& kind() const { return kind_; }
  bool is_of(Visitor visitor) const { return visitor_.number == visitor.number; }
  State state() const;
  std::string json(bool with_result) const;
  std::string points(std::int64_t& version) const;  ///< float32 x, y pairs
  std::string frame(std::size_t number) const;      ///< of those kept, from 0; throws Error{not_found}
  std::vector<TokenId> ids() const;
  std::vector<std::string> labels() const;
  Table nearest(TokenId token, int k) const;  ///< throws Refusal{409} if there are no vectors

  void pause();  ///< Throws Refusal{409} when it has ended, as does `resume`
  void resume();
  void cancel();
  /// Sends events until the job ends; for a finished job, only its end, at once.
  void follow(std::shared_ptr<Events> events);

 private:
  friend class Jobs;
  void run(const std::function<std::string(Job&)>& work);
  void end(State state, std::string result, std::string error);
  void wait_for_turn(std::unique_lock<std::mutex>& lock);
  void tell(bool now);
  std::string status_json() const;  // under the mutex, as all that follows
  bool ended() const { return state_ == State::done || state_ == State::failed || state_ == State::cancelled; }

  using Clock = std::chrono::steady_clock;
  Jobs& jobs_;
  const int id_;
  const std::string kind_;
  const Visitor visitor_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::queued;
  bool pausing_ = false, cancelling_ = false, has_turn_ = false;
  double fraction_ = 0;
  std::string what_ = "waiting for its turn", result_, error_, partial_;
  std::vector<float> points_;
  std::vector<std::vector<float>> frames_;
  std::vector<TokenId> ids_;
  std::vector<std::string> labels_;
  std::function<std::string(TokenId)> label_;
  std::function<Table(TokenId, int)> nearest_;
  std::size_t nearest_bytes_ = 0;
  std::int64_t version_ = 0;
  TimeLeft left_;
  Clock::time_point told_{};
  std::vector<std::shared_ptr<Events>> followers_;
};

class Jobs {
 public:
  ~Jobs() { stop(); }

  /// Starts the job when it is its turn: two jobs run at once. `work` returns the result as JSON. Throws Refusal{503}
  /// when too many wait.
  std::shared_ptr<Job> start(Visitor visitor, std::string kind, std::function<std::string(Job&)> work);
  /// Only this visitor's own jobs, as in all functions below. Throws Error{not_found}.
  std::shared_ptr<Job> find(Visitor visitor, std::string_view id) const;
  std::vector<std::shared_ptr<Job>> all(Visitor visitor) const;
  void remove(Visitor visitor, std::string_view id);  ///< throws Refusal{409} while it is running
  void stop();

 private:
  friend class Job;
  bool take_turn();
  void give_turn_back();
  void forget_old(Visitor visitor);

  struct Entry {
    std::shared_ptr<Job> job;
    std::thread thread;
  };
  mutable std::mutex mutex_;  // taken before a job's own
  std::map<int, Entry> jobs_;
  int next_ = 1;
  std::mutex turns_;  // taken after a job's own
  int working_ = 0;
  bool stopped_ = false;
};

}  // namespace embscope::server
