// Routes: the table of the API, and the way from a Call to an Answer.
// Thread rule: immutable once made; handlers run on any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http.h"

namespace embscope::server {

/// Where a handler runs: on the thread that reads requests (microseconds), among short work, or among long work. Long
/// work never delays short work.
enum class Lane { here, quick, work };

using Handler = std::function<Answer(Call&)>;

struct Route {
  std::string method, pattern;  ///< "/api/jobs/{id}"
  Lane lane;
  Handler handle;
  bool streams = false;     ///< answers by Call::events
  bool owner_only = false;  ///< changes the server: guests are refused
};

class Routes {
 public:
  void add(std::string method, std::string pattern, Lane lane, Handler handle);
  void for_owner_only() { routes_.back().owner_only = true; }  ///< the route that was added last
  void add_stream(std::string method, std::string pattern, Handler handle);

  /// The route of a call, with its parameters. Throws Refusal{404}, {405} that lists the allowed methods, or {403} for
  /// guests.
  const Route& find(Call& call) const;

  const std::vector<Route>& all() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

/// Throws Refusal{403}: `what` is not for guests.
[[noreturn]] void refuse_guest(std::string_view what);

/// Runs a handler; an exception becomes an answer. Large texts are compressed for clients that accept gzip.
Answer run(const Route& route, Call& call);

}  // namespace embscope::server
