#include "server.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "api.h"
#include "connection.h"
#include "embscope/base/ports.h"
#include "embscope/base/process.h"
#include "explorer.h"

namespace embscope::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr int most_connections = 1024;

tcp::acceptor listen_at(asio::io_context& io, const ServeOptions& o) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(o.host == "localhost" ? "127.0.0.1" : o.host, error);
  if (error) throw Error(Code::usage, "--host " + o.host, "is not an address: give one such as 127.0.0.1 or 0.0.0.0");
  if (o.port < 0 || o.port > 65535) throw Error(Code::range, fmt::format("--port {}", o.port), "choose 0 to 65535");
  const tcp::endpoint endpoint(address, static_cast<unsigned short>(o.port));
  tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), error);
  if (!error && may_reuse_ports()) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error == asio::error::address_in_use)
    throw Error(Code::io, fmt::format("{}:{}", o.host, o.port),
                "the port is taken: choose another with --port, or --port 0 for any free one");
  if (error) throw Error(Code::io, fmt::format("{}:{}", o.host, o.port), error.message());
  return acceptor;
}

std::string address_of(const tcp::endpoint& at) {
  const std::string host = at.address().is_unspecified() ? "127.0.0.1" : at.address().to_string();
  return at.address().is_v6() && !at.address().is_unspecified() ? fmt::format("http://[{}]:{}/", host, at.port())
                                                                : fmt::format("http://{}:{}/", host, at.port());
}

// Work that cannot be cancelled (a long step of the engine) does not delay the exit: its result would be discarded.
void end_within(std::chrono::seconds time) {
  std::thread([time] {
    std::this_thread::sleep_for(time);
    std::_Exit(0);
  }).detach();
}

class Listener {
 public:
  Listener(tcp::acceptor acceptor, std::shared_ptr<Shared> shared)
      : acceptor_(std::move(acceptor)), shared_(std::move(shared)), pause_(acceptor_.get_executor()) {}

  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return rest();  // usually out of descriptors: connections that close free some
      if (shared_->connections < most_connections) serve_quietly(std::move(socket));
      accept();
    });
  }
  void stop() { acceptor_.close(); }

 private:
  void serve_quietly(tcp::socket socket) {
    try {
      serve_connection(std::move(socket), shared_);
    } catch (const std::exception&) {}  // the client has already disconnected
  }
  void rest() {
    pause_.expires_after(std::chrono::milliseconds(100));
    pause_.async_wait([this](boost::system::error_code error) {
      if (!error) accept();
    });
  }

  tcp::acceptor acceptor_;
  std::shared_ptr<Shared> shared_;
  asio::steady_timer pause_;
};

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

void say_class(const tcp::endpoint& at, const std::string& code) {
  std::string address = address_of(at);
  if (at.address().is_unspecified()) address = fmt::format("http://{}:{}/", network_address(), at.port());
  say(fmt::format("For the class: {} with the code {}, or {}?class={}", address, code, address, code));
  if (at.address().is_loopback())
    say("Only this machine can reach this address: --host 0.0.0.0 opens the server to the network.");
}

}  // namespace

void serve(const ServeOptions& options) {
  begin_server();
  Api api;
  for (const std::string& model : options.models) api.models().open(model);
  asio::io_context io(1);
  tcp::acceptor acceptor = listen_at(io, options);
  const tcp::endpoint at = acceptor.local_endpoint();
  Lanes lanes;
  auto shared = std::shared_ptr<Shared>(
      new Shared{Gate(at.address().to_string(), at.port(), options.for_class), api.routes(), lanes, explorer_page, {}});
  const auto address = [&] { return fmt::format("{}?token={}", address_of(at), shared->gate.token()); };
  shared->entered = [&] { say(fmt::format("a browser has connected; for another one: {}", address())); };
  Listener listener(std::move(acceptor), shared);
  listener.accept();
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) {
    *shared->stopping = true;
    listener.stop();
    io.stop();
  });

  if (!at.address().is_loopback())
    fmt::print(stderr,
               "warning: {} can be reached from other machines, and the connection is not encrypted: an ssh tunnel to "
               "127.0.0.1 is safer\n",
               at.address().to_string());
  say(fmt::format("Embscope explores {} at {}", api.models().all()[0]->name(), address()));
  if (options.for_class) say_class(at, shared->gate.class_code());
  say("Stop it with Ctrl-C.");
  if (options.open) open_in_browser(address());
  std::thread warming([&] { api.warm_up(); });
  io.run();
  end_within(std::chrono::seconds(2));
  warming.join();
  lanes.stop();
  api.stop();
  say("stopped");
}

}  // namespace embscope::server
