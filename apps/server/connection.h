// Connection: one client, request after request. Reads within limits of size and time, lets the lanes work, writes the
// answer. Lifetime: keeps itself alive while something is under way. Thread rule: everything but `Events::send` on the
// thread that runs the io_context.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>

#include "gate.h"
#include "routes.h"

namespace embscope::server {

/// Threads for short and long work, each with a bounded line of calls that wait.
class Lanes {
 public:
  Lanes();
  /// False when the line is full.
  bool post(Lane lane, std::function<void()> work);
  void stop();  ///< waits for what runs

 private:
  struct Line {
    explicit Line(std::size_t threads) : pool(threads) {}
    boost::asio::thread_pool pool;
    std::atomic<int> waiting{0};
  };
  Line quick_, work_;
};

/// What all connections share.
struct Shared {
  Gate gate;
  const Routes& routes;
  Lanes& lanes;
  std::function<Answer(const Call&)> page;  ///< what is not under /api/: the explorer
  std::function<void()> entered;            ///< a one-time token was used
  std::chrono::milliseconds rest{75'000};   ///< of a connection between two requests
  std::atomic<int> connections{0};
  std::shared_ptr<std::atomic<bool>> stopping = std::make_shared<std::atomic<bool>>(false);
};

/// Serves a client until it leaves or breaks a limit.
void serve_connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared);

}  // namespace embscope::server
