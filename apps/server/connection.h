// Connection: one client, one request after the other. It reads within limits of size and time, hands the work to the
// lanes, and writes the answer. Lifetime: keeps itself alive while an operation is pending. Thread rule: everything but
// `Events::send` on the thread that runs the io_context.
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

/// Threads for short and for long work, each with a bounded queue of waiting calls.
class Lanes {
 public:
  Lanes();
  /// False if the queue is full.
  bool post(Lane lane, std::function<void()> work);
  void stop();  ///< waits for running calls

 private:
  struct Line {
    explicit Line(std::size_t threads) : pool(threads) {}
    boost::asio::thread_pool pool;
    std::atomic<int> waiting{0};
  };
  Line quick_, work_;
};

/// State shared by all connections.
struct Shared {
  Gate gate;
  const Routes& routes;
  Lanes& lanes;
  std::function<Answer(const Call&)> page;  ///< answers everything outside /api/: the explorer
  std::function<void()> entered;            ///< a one-time token was used
  std::chrono::milliseconds rest{75'000};   ///< longest idle time between two requests
  std::atomic<int> connections{0};
  std::shared_ptr<std::atomic<bool>> stopping = std::make_shared<std::atomic<bool>>(false);
};

/// Serves a client until it disconnects or exceeds a limit.
void serve_connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared);

}  // namespace embscope::server
