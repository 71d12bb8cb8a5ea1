// A client's bytes, sent to the server through a socket: heads, bodies, several requests behind one another. Whatever
// comes, what goes back is a row of whole HTTP answers with the headers that keep a browser safe, none of them a
// failure of the server's own; who has not shown the session's cookie is told nothing; and when the client leaves,
// nothing of it stays. In the input SESSION stands for the cookie, TOKEN for the one-time token, PORT for the server's.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <map>
#include <set>
#include <thread>

#include <poll.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json.hpp>

#include "input.h"
#include "server.h"
#include "server/connection.h"
#include "server/explorer.h"

namespace embscope::fuzz {
namespace {

using namespace server;
namespace asio = boost::asio;
using asio::ip::tcp;

// Long work would not be the door's matter: of the API all but jobs and opening models.
Routes routes_without_files(const Api& api) {
  Routes routes;
  for (const Route& route : api.routes().all()) {
    if (opens_files(route) || starts_jobs(route)) continue;
    if (route.streams)
      routes.add_stream(route.method, route.pattern, route.handle);
    else
      routes.add(route.method, route.pattern, route.lane, route.handle);
  }
  return routes;
}

// Milliseconds. A client waits for an answer, mostly there sooner, and leaves about when the server would send it away
// for its rest.
constexpr int moment = 5;
constexpr std::chrono::milliseconds rest{moment};

class Server {
 public:
  Server() : port_(acceptor_.local_endpoint().port()) {
    open_tiny_model(api_);
    const std::string line = shared_->gate.enter(shared_->gate.token());
    session_ = line.substr(0, line.find(';'));
    shared_->rest = rest;
    accept();
    std::thread([this] { io_.run(); }).detach();
  }

  unsigned short port() const { return port_; }
  const std::string& session() const { return session_; }
  const std::string& token() const { return shared_->gate.token(); }  // between clients nobody changes it
  int connections() const { return shared_->connections; }

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      hold(!error, "the listener failed");
      serve_connection(std::move(socket), shared_);
      accept();
    });
  }

  Api api_;
  Routes routes_ = routes_without_files(api_);
  Lanes lanes_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  unsigned short port_;
  std::shared_ptr<Shared> shared_ =
      std::shared_ptr<Shared>(new Shared{Gate("127.0.0.1", port_), routes_, lanes_, explorer_page, [] {}});
  std::string session_;
};

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += by.size()) text.replace(at, what.size(), by);
}

// libFuzzer's clock, a signal, would interrupt connect and recv; the exchange has a limit of its own.
class WithoutAlarms {
 public:
  WithoutAlarms() {
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, &before_);
  }
  ~WithoutAlarms() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  WithoutAlarms(const WithoutAlarms&) = delete;

 private:
  sigset_t before_{};
};

/// Sends in two pieces, waits a moment for an answer, says that it has ended (which stops work that is under way for
/// it), and reads until the server closes.
std::string exchange(const Server& server, std::string_view bytes, std::size_t cut) {
  const WithoutAlarms quiet;
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect(tcp::endpoint(asio::ip::address_v4::loopback(), server.port()));
  const timeval patience{15, 0};
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  for (const std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    // A server that has refused may have closed already: then there is still its answer to be read.
    if (!piece.empty() && ::send(socket.native_handle(), piece.data(), piece.size(), MSG_NOSIGNAL) < 0) break;
    std::this_thread::yield();
  }
  pollfd answered{socket.native_handle(), POLLIN, 0};
  ::poll(&answered, 1, moment);
  ::shutdown(socket.native_handle(), SHUT_WR);
  std::string answer;
  std::array<char, 4096> block;
  ssize_t n = 0;
  while ((n = ::recv(socket.native_handle(), block.data(), block.size(), 0)) > 0)
    answer.append(block.data(), static_cast<std::size_t>(n));
  hold(n == 0 || errno == ECONNRESET, "no answer and no end within 15 s");
  return answer;
}

struct Head {
  int status = 0;
  std::map<std::string, std::string> fields;  // names in lower case
};

Head head_of(std::string_view text) {
  Head head;
  bool first = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    for (const char c : line)
      hold(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "a control character in an answer's head");
    if (first) {
      hold(line.size() > 12 && line.starts_with("HTTP/1.1 ") && line[12] == ' ', "no status line");
      head.status = std::atoi(line.data() + 9);
    } else {
      const std::size_t colon = line.find(": ");
      hold(colon != line.npos, "a header line without a colon");
      std::string name(line.substr(0, colon));
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
      hold(head.fields.emplace(name, line.substr(colon + 2)).second, "a header twice");
    }
    first = false;
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return head;
}

void check_head(const Head& head, bool has_session, bool has_token) {
  static const std::set<int> strangers{400, 401, 403, 408, 413, 421, 431},
      known{200, 304, 404, 405, 409, 415, 422, 499, 503};
  hold(strangers.contains(head.status) || (has_token && head.status == 303) ||
           (has_session && known.contains(head.status)),
       fmt::format("status {} {} the cookie", head.status, has_session ? "with" : "without"));
  for (const char* field :
       {"content-security-policy", "x-content-type-options", "x-frame-options", "cache-control", "content-type"})
    hold(head.fields.contains(field), fmt::format("status {} without {}", head.status, field));
  hold(!head.fields.contains("access-control-allow-origin"), "another site is let in");
  hold(head.fields.contains("set-cookie") == (head.status == 303), "a cookie given to who did not come in");
}

// An answer to HEAD announces a length and has no body: the next answer, or the end, follows its head.
void check_answers(std::string_view bytes, bool has_session, bool has_token) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find("\r\n\r\n");
    hold(end != bytes.npos, "a cut head");
    const Head head = head_of(bytes.substr(0, end));
    bytes.remove_prefix(end + 4);
    if (head.status == 100) {
      hold(has_session, "a stranger is told to go on");
      continue;
    }
    check_head(head, has_session, has_token);
    if (head.status == 304 || bytes.empty() || bytes.starts_with("HTTP/1.1 ")) continue;
    const auto length = head.fields.find("content-length");
    const std::size_t size =
        length == head.fields.end() ? bytes.size() : std::strtoull(length->second.c_str(), nullptr, 10);
    hold(size <= bytes.size(), "a cut body");
    if (head.fields.at("content-type").starts_with("text/html") && head.status >= 400) {
      hold(head.status == 401, "a page that is not the door's");
    } else if (head.status >= 400) {
      boost::system::error_code error;
      const auto said = boost::json::parse(bytes.substr(0, size), error);
      hold(!error && said.at("error").at("message").is_string(), "a refusal without a message");
    }
    bytes.remove_prefix(size);
  }
}

void wait_for_rest(const Server& server) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (server.connections() > 0) {
    hold(std::chrono::steady_clock::now() < end, "a connection stays when its client has left");
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embscope::fuzz;
  static Server& server = *new Server;  // its thread goes on until the process ends
  if (size < 1) return 0;
  std::string bytes(text_of(data + 1, size - 1));
  replace_all(bytes, "SESSION", server.session());
  replace_all(bytes, "TOKEN", server.token());
  replace_all(bytes, "PORT", std::to_string(server.port()));
  const bool has_session = bytes.find(server.session()) != bytes.npos,
             has_token = bytes.find(server.token()) != bytes.npos;
  const std::string answers = exchange(server, bytes, std::min<std::size_t>(data[0], bytes.size()));
  check_answers(answers, has_session, has_token);
  wait_for_rest(server);
  return 0;
}
