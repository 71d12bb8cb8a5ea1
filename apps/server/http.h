// Call, Answer, Refusal: a request, its response, and a reason to refuse it.
// Thread rule: a Call belongs to the thread that works on it; `gone` and `events` may be touched from any.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "embscope/base/error.h"
#include "embscope/base/progress.h"

namespace embscope::server {

namespace bj = boost::json;

struct Answer {
  unsigned status = 200;
  std::string body;
  std::string type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  bool close = false;  ///< the connection is closed after this answer
};

/// Thrown when the server itself refuses a request; an Error of the engine becomes an answer according to its code.
class Refusal : public std::runtime_error {
 public:
  Refusal(unsigned status, std::string code, std::string where, const std::string& message)
      : std::runtime_error(message), status_(status), code_(std::move(code)), where_(std::move(where)) {}
  unsigned status() const { return status_; }
  const std::string& code() const { return code_; }
  const std::string& where() const { return where_; }

 private:
  unsigned status_;
  std::string code_, where_;
};

/// {"error": {"code", "where", "message"}} with the matching status. Call it inside a catch block.
Answer answer_to_exception();
Answer error_answer(unsigned status, std::string_view code, std::string_view where, std::string_view message);

/// Server-sent events to one client. `send` may be called from any thread.
class Events {
 public:
  virtual ~Events() = default;
  /// False if the client has disconnected or reads too slowly: stop its work.
  virtual bool send(std::string_view event, std::string_view data) = 0;
  virtual void finish() = 0;  ///< ends the stream after the sent events; call it once
};

/// The client of a request. An owner has used a one-time token; guests are the members of a class, each with separate
/// experiments, who cannot change the server: they open no models and write no files.
struct Visitor {
  int number = -1;  ///< -1 nobody, 0 the owner, 1, 2, ... guests
  static Visitor owner() { return {0}; }
  static Visitor guest(int number) { return {number}; }
  bool is_nobody() const { return number < 0; }
  bool is_guest() const { return number > 0; }
};

struct Call {
  std::string method, path;
  Visitor visitor = Visitor::owner();
  std::map<std::string, std::string, std::less<>> query;  ///< percent-decoded
  std::vector<std::string> parameters;                    ///< of the route: "/api/jobs/{id}" has one
  std::string body;
  bool gzip = false;  ///< the client accepts gzip
  std::string etag;   ///< If-None-Match
  std::shared_ptr<std::atomic<bool>> gone = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<std::atomic<bool>> stopping;  ///< the whole server is stopping
  std::shared_ptr<Events> events;               ///< for a streaming route, which then returns no answer
  bool keeps_events = false;                    ///< the handler has passed them to a thread that finishes them

  bool cancelled() const { return gone->load() || (stopping && stopping->load()); }
  /// Cancels the engine's work if the client has disconnected.
  Progress progress() const {
    return [gone = gone, stopping = stopping](double, std::string_view) {
      return !gone->load() && !(stopping && stopping->load());
    };
  }
  bool wants_figure() const {
    const auto at = query.find("figure");
    return at != query.end() && at->second == "1";
  }
};

/// The percent-decoded path and query of a request target. Throws Refusal{400} for broken escapes, NUL, or a target
/// that is not a path.
void parse_target(std::string_view target, Call& call);

}  // namespace embscope::server
