#include "jobs.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "reply.h"

namespace embscope::server {
namespace {

struct Limits {
  std::ptrdiff_t alive;  // waiting, working or paused
  std::size_t kept;      // that have ended
};
constexpr Limits of_owner{16, 16}, of_guest{3, 4};
constexpr std::ptrdiff_t most_alive = 256;     // of all visitors
constexpr std::size_t most_bytes = 256 << 20;  // of all results that are kept
constexpr int most_working = 2;
constexpr std::chrono::milliseconds between_events{200};
constexpr std::chrono::milliseconds turn_poll{100};

std::string_view name(Job::State state) {
  switch (state) {
    case Job::State::queued: return "queued";
    case Job::State::running: return "running";
    case Job::State::paused: return "paused";
    case Job::State::done: return "done";
    case Job::State::failed: return "failed";
    case Job::State::cancelled: return "cancelled";
  }
  return "";
}

const Limits& limits_of(Visitor visitor) { return visitor.is_guest() ? of_guest : of_owner; }

[[noreturn]] void refuse_ended(int id) { throw Refusal(409, "usage", fmt::format("job {}", id), "has ended"); }

}  // namespace

Job::State Job::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Job::report(double fraction, std::string_view what) {
  std::unique_lock lock(mutex_);
  if (cancelling_) throw Error(Code::cancelled, "job", "cancelled");
  fraction_ = fraction;
  left_.reached(fraction);
  what_ = what;
  if (pausing_) {
    left_.pause();
    state_ = State::paused;
    tell(true);
    jobs_.give_turn_back();
    has_turn_ = false;
    changed_.wait(lock, [this] { return !pausing_ || cancelling_; });
    wait_for_turn(lock);
  }
  tell(false);
}

Progress Job::progress() {
  return [this](double fraction, std::string_view what) {
    report(fraction, what);
    return true;
  };
}

// Jobs are few and long, so it is enough to check for a turn ten times a second.
void Job::wait_for_turn(std::unique_lock<std::mutex>& lock) {
  while (!cancelling_ && !jobs_.take_turn()) changed_.wait_for(lock, turn_poll);
  if (cancelling_) throw Error(Code::cancelled, "job", "cancelled");
  has_turn_ = true;
  state_ = State::running;
  if (fraction_ == 0) what_ = "at work";
  left_.go_on();
  tell(true);
}

void Job::run(const std::function<std::string(Job&)>& work) {
  try {
    {
      std::unique_lock lock(mutex_);
      wait_for_turn(lock);
    }
    end(State::done, work(*this), {});
  } catch (const Error& error) {
    end(error.code() == Code::cancelled ? State::cancelled : State::failed, {}, answer_to_exception().body);
  } catch (...) { end(State::failed, {}, answer_to_exception().body); }
}

void Job::end(State state, std::string result, std::string error) {
  const std::lock_guard lock(mutex_);
  if (has_turn_) jobs_.give_turn_back();
  has_turn_ = false;
  state_ = state;
  if (state == State::done) fraction_ = 1, what_ = "done";
  result_ = std::move(result);
  error_ = std::move(error);
  tell(true);
  for (const auto& events : followers_) events->finish();
  followers_.clear();
}

void Job::publish(const Tensor& points) {
  const std::lock_guard lock(mutex_);
  points_.assign(points.values().begin(), points.values().end());
  ++version_;
}

void Job::publish_frame(const Tensor& points) {
  publish(points);
  const std::lock_guard lock(mutex_);
  frames_.push_back(points_);
}

void Job::set_ids(std::vector<TokenId> ids, std::function<std::string(TokenId)> label) {
  const std::lock_guard lock(mutex_);
  ids_ = std::move(ids);
  label_ = std::move(label);
}

void Job::set_labels(std::vector<std::string> labels) {
  const std::lock_guard lock(mutex_);
  labels_ = std::move(labels);
}

void Job::set_nearest(std::function<Table(TokenId, int)> nearest, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  nearest_ = std::move(nearest);
  nearest_bytes_ = bytes;
}

void Job::set_partial(std::string json) {
  const std::lock_guard lock(mutex_);
  partial_ = std::move(json);
  ++version_;
}

std::string Job::status_json() const {
  Reply reply;
  reply.add("id", id_)
      .add("kind", bj::value(kind_))
      .add("state", bj::value(name(state_)))
      .add("fraction", fraction_)
      .add("what", bj::value(what_))
      .add("version", version_);
  reply.add("seconds_left", value_or_null(state_ == State::running ? left_.seconds() : std::nullopt));
  if (!error_.empty()) reply.add("error", bj::parse(error_).at("error"));
  return reply.text();
}

std::string Job::json(bool with_result) const {
  const std::lock_guard lock(mutex_);
  std::string text = status_json();
  if (!with_result) return text;
  text.pop_back();
  if (!partial_.empty()) text += ",\"partial\":" + partial_;
  if (!result_.empty()) text += ",\"result\":" + result_;
  return text + "}";
}

// Sends to all listeners, a few times a second; ends and pauses at once. Listeners that have disconnected are removed.
void Job::tell(bool now) {
  if (followers_.empty() || (!now && Clock::now() - told_ < between_events)) return;
  told_ = Clock::now();
  const std::string status = status_json();
  const std::string_view event = state_ == State::done                                   ? "done"
                                 : state_ == State::failed || state_ == State::cancelled ? "failed"
                                                                                         : "progress";
  std::erase_if(followers_, [&](const auto& events) { return !events->send(event, status); });
}

void Job::follow(std::shared_ptr<Events> events) {
  const std::lock_guard lock(mutex_);
  followers_.push_back(std::move(events));
  tell(true);
  if (!ended()) return;
  for (const auto& follower : followers_) follower->finish();
  followers_.clear();
}

std::string Job::points(std::int64_t& version) const {
  const std::lock_guard lock(mutex_);
  version = version_;
  return {reinterpret_cast<const char*>(points_.data()), points_.size() * sizeof(float)};
}

std::string Job::frame(std::size_t number) const {
  const std::lock_guard lock(mutex_);
  if (number >= frames_.size())
    throw Error(Code::not_found, fmt::format("frame {}", number), fmt::format("there are {}", frames_.size()));
  const std::vector<float>& points = frames_[number];
  return {reinterpret_cast<const char*>(points.data()), points.size() * sizeof(float)};
}

std::vector<TokenId> Job::ids() const {
  const std::lock_guard lock(mutex_);
  return ids_;
}

std::vector<std::string> Job::labels() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> list = labels_;
  if (list.empty() && label_) {
    for (TokenId id : ids_) list.push_back(label_(id));
  }
  return list;
}

Table Job::nearest(TokenId token, int k) const {
  std::function<Table(TokenId, int)> nearest;
  {
    const std::lock_guard lock(mutex_);
    nearest = nearest_;
  }
  if (!nearest)
    throw Refusal(409, "usage", fmt::format("job {}", id_),
                  "has no vectors: it is not a map, or they are still being computed");
  return nearest(token, k);
}

void Job::pause() {
  const std::lock_guard lock(mutex_);
  if (ended()) refuse_ended(id_);
  pausing_ = true;
}

void Job::resume() {
  const std::lock_guard lock(mutex_);
  if (ended()) refuse_ended(id_);
  pausing_ = false;
  changed_.notify_all();
}

void Job::cancel() {
  const std::lock_guard lock(mutex_);
  cancelling_ = true;
  changed_.notify_all();
}

std::shared_ptr<Job> Jobs::start(Visitor visitor, std::string kind, std::function<std::string(Job&)> work) {
  const std::lock_guard lock(mutex_);
  std::ptrdiff_t alive = 0, own = 0;
  for (const auto& [id, entry] : jobs_) {
    const auto state = entry.job->state();
    if (state != Job::State::queued && state != Job::State::running && state != Job::State::paused) continue;
    ++alive;
    own += entry.job->is_of(visitor) ? 1 : 0;
  }
  if (stopped_ || own >= limits_of(visitor).alive || alive >= most_alive)
    throw Refusal(503, "busy", "jobs", fmt::format("{} jobs are running or waiting: cancel one, or wait", own));
  forget_old(visitor);
  auto job = std::make_shared<Job>(*this, next_, std::move(kind), visitor);
  Entry& entry = jobs_[next_++];
  entry.job = job;
  entry.thread = std::thread([job, work = std::move(work)] { job->run(work); });
  return job;
}

// Removes the oldest finished jobs, so that neither their number per visitor nor their bytes in total grow without
// limit.
void Jobs::forget_old(Visitor visitor) {
  std::size_t kept = 0, bytes = 0;
  for (auto at = jobs_.end(); at != jobs_.begin();) {
    --at;
    const Job& job = *at->second.job;
    {
      const std::lock_guard lock(job.mutex_);
      if (!job.ended()) continue;
      kept += job.is_of(visitor) ? 1 : 0;
      bytes += job.result_.size() + job.partial_.size() + job.points_.size() * sizeof(float) +
               job.ids_.size() * sizeof(TokenId) + job.nearest_bytes_;
      if ((!job.is_of(visitor) || kept < limits_of(visitor).kept) && bytes <= most_bytes) continue;
    }
    at->second.thread.join();
    at = jobs_.erase(at);
  }
}

std::shared_ptr<Job> Jobs::find(Visitor visitor, std::string_view id) const {
  int number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  const std::lock_guard lock(mutex_);
  const auto at = error == std::errc() && end == id.data() + id.size() ? jobs_.find(number) : jobs_.end();
  if (at == jobs_.end() || !at->second.job->is_of(visitor))
    throw Error(Code::not_found, fmt::format("job '{}'", id), "no such job: GET /api/jobs lists the existing ones");
  return at->second.job;
}

std::vector<std::shared_ptr<Job>> Jobs::all(Visitor visitor) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Job>> list;
  for (const auto& [id, entry] : jobs_) {
    if (entry.job->is_of(visitor)) list.push_back(entry.job);
  }
  return list;
}

void Jobs::remove(Visitor visitor, std::string_view id) {
  const auto job = find(visitor, id);
  const std::lock_guard lock(mutex_);
  {
    const std::lock_guard own(job->mutex_);
    if (!job->ended())
      throw Refusal(409, "usage", fmt::format("job {}", job->id()), "is still running: cancel it first");
  }
  const auto at = jobs_.find(job->id());
  if (at == jobs_.end()) return;
  at->second.thread.join();
  jobs_.erase(at);
}

void Jobs::stop() {
  std::map<int, Entry> ending;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    ending.swap(jobs_);
  }
  for (auto& [id, entry] : ending) entry.job->cancel();
  for (auto& [id, entry] : ending) entry.thread.join();
}

bool Jobs::take_turn() {
  const std::lock_guard lock(turns_);
  if (working_ >= most_working) return false;
  ++working_;
  return true;
}

void Jobs::give_turn_back() {
  const std::lock_guard lock(turns_);
  --working_;
}

}  // namespace embscope::server
