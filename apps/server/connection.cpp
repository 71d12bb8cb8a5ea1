#include "connection.h"

#include <chrono>
#include <deque>
#include <mutex>

#include <fmt/format.h>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "access_page.h"

namespace embscope::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using std::chrono::seconds;

constexpr std::uint64_t most_body = 1 << 20;
constexpr std::uint32_t most_header = 16 << 10;
constexpr std::size_t most_events = 4 << 20;  // unsent bytes that a slow reader of events may have
constexpr std::size_t one_read = 4096;
constexpr seconds header_time{10}, body_time{20}, write_time{60}, heartbeat_time{15};

// Vega draws without eval (its interpreter), regl by shaders: neither needs more than this.
constexpr std::string_view content_security =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared)
      : stream_(std::move(socket)), shared_(std::move(shared)) {
    ++shared_->connections;
  }
  ~Connection() {
    if (call_) *call_->gone = true;
    --shared_->connections;
  }
  Connection(const Connection&) = delete;

  void start() {
    stream_.socket().set_option(asio::ip::tcp::no_delay(true));
    wait();
  }

 private:
  friend class EventStream;

  // Between requests a connection may be idle; once a request has begun, it must arrive within the time limit. A
  // connection that is idle for too long, or whose client has disconnected, is closed. One read with a deadline,
  // instead of a separate timer: both could fire at once, and then two reads would share the buffer.
  void wait() {
    call_.reset();
    if (*shared_->stopping) return close();
    if (buffer_.size() > 0) return read_header();
    stream_.expires_after(shared_->rest);
    stream_.async_read_some(buffer_.prepare(one_read), [self = shared_from_this()](error_code error, std::size_t n) {
      if (error) return;
      self->buffer_.commit(n);
      self->read_header();
    });
  }

  void read_header() {
    parser_.emplace();
    parser_->header_limit(most_header);
    parser_->body_limit(most_body);
    stream_.expires_after(header_time);
    http::async_read_header(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
      self->guarded([&] { self->on_header(error); });
    });
  }

  void on_header(error_code error) {
    if (error) return refuse_broken(error);
    const auto& head = parser_->get();
    call_ = std::make_shared<Call>();
    call_->stopping = shared_->stopping;
    call_->method = view(head.method_string());
    call_->gzip = view(head[http::field::accept_encoding]).find("gzip") != std::string_view::npos;
    call_->etag = view(head[http::field::if_none_match]);
    parse_target(view(head.target()), *call_);
    if (!admit()) return;
    if (view(head[http::field::expect]) == "100-continue") return say_continue();
    read_body();
  }

  // Runs before the body is read, so a client without access uses no memory. False if the answer has been sent.
  bool admit() {
    const auto& head = parser_->get();
    const bool api = call_->path.rfind("/api/", 0) == 0;
    Credentials credentials{call_->method,
                            call_->path,
                            view(head[http::field::host]),
                            view(head[http::field::origin]),
                            view(head["Sec-Fetch-Site"]),
                            view(head[http::field::cookie]),
                            {},
                            api};
    if (head.count(http::field::host) > 1) throw Refusal(400, "usage", "Host", "is given twice");
    shared_->gate.check_origin(credentials);
    call_->visitor = shared_->gate.visitor(credentials.cookie);
    if (call_->path == "/" && come_in()) return false;
    if (call_->visitor.is_nobody()) return turn_away(api);
    const bool has_body = head.has_content_length() ? view(head[http::field::content_length]) != "0" : head.chunked();
    if (has_body && view(head[http::field::content_type]).rfind("application/json", 0) != 0)
      throw Refusal(415, "unsupported", "Content-Type", "a body must be application/json");
    return true;
  }

  // Starts a session by the one-time token or by the code of the class; a client that has a session keeps it. False if
  // neither is right.
  bool come_in() {
    const auto token = call_->query.find("token"), code = call_->query.find("class");
    std::string cookie;
    if (token != call_->query.end()) {
      cookie = shared_->gate.enter(token->second);
      if (!cookie.empty()) shared_->entered();
    }
    if (cookie.empty() && code != call_->query.end() && !shared_->gate.class_code().empty()) {
      if (!call_->visitor.is_nobody()) return redirect({}), true;
      cookie = shared_->gate.enter_class(code->second);
    }
    if (cookie.empty()) return false;
    redirect(cookie);
    return true;
  }

  // Without access, a client only learns how to get it: a browser by a page, a program by an error. Always false.
  bool turn_away(bool api) {
    if (api || view(parser_->get()[http::field::accept]).find("text/html") == std::string_view::npos)
      throw Refusal(401, "unauthorized", "token",
                    "open the address that embscope serve prints (its one-time token admits one browser)");
    write(access_page(call_->query.contains("token")   ? NoAccess::used_link
                      : call_->query.contains("class") ? NoAccess::wrong_code
                                                       : NoAccess::no_session,
                      !shared_->gate.class_code().empty()));
    return false;
  }

  // The same address without the token or code.
  void redirect(const std::string& cookie) {
    std::string rest;
    for (const auto& [name, value] : call_->query) {
      if (name == "token" || name == "class" ||
          name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") != std::string::npos)
        continue;
      rest += (rest.empty() ? "?" : "&") + name + "=" + escaped(value);
    }
    Answer answer;
    answer.status = 303;
    answer.type = "text/plain; charset=utf-8";
    answer.headers = {{"Location", "/" + rest}};
    if (!cookie.empty()) answer.headers.emplace_back("Set-Cookie", cookie);
    write(std::move(answer));
  }

  static std::string escaped(std::string_view text) {
    std::string out;
    for (unsigned char c : text)
      out += std::isalnum(c) != 0 ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
    return out;
  }

  void say_continue() {
    auto response = std::make_shared<http::response<http::empty_body>>(http::status::continue_, 11);
    http::async_write(stream_, *response, [self = shared_from_this(), response](error_code error, std::size_t) {
      if (!error) self->guarded([&] { self->read_body(); });
    });
  }

  void read_body() {
    stream_.expires_after(body_time);
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
      self->guarded([&] { self->on_request(error); });
    });
  }

  void on_request(error_code error) {
    if (error) return refuse_broken(error);
    call_->body = std::move(parser_->get().body());
    if (call_->path.rfind("/api/", 0) != 0) {
      if (call_->method != "GET" && call_->method != "HEAD")
        throw Refusal(405, "usage", call_->path, "the explorer's files accept only GET");
      return write(shared_->page(*call_));
    }
    const Route& route = shared_->routes.find(*call_);
    if (route.lane == Lane::here) return write(run(route, *call_));
    stream_.expires_never();
    watch();
    if (route.streams) return start_events(route);
    const bool posted = shared_->lanes.post(route.lane, [self = shared_from_this(), call = call_, &route] {
      auto answer = std::make_shared<Answer>(run(route, *call));
      asio::post(self->stream_.get_executor(),
                 [self, answer] { self->guarded([&] { self->write(std::move(*answer)); }); });
    });
    if (!posted) write(busy());
  }

  static Answer busy() {
    Answer answer = error_answer(503, "busy", "server", "too many requests are waiting: try again in a moment");
    answer.headers.emplace_back("Retry-After", "1");
    return answer;
  }

  // While other threads work for this client, watch whether it disconnects. Bytes of a next request end the watch and
  // are kept.
  void watch() {
    stream_.socket().async_wait(
        asio::ip::tcp::socket::wait_read, [self = shared_from_this(), call = call_](error_code error) {
          if (error || self->call_ != call) return;
          char byte = 0;
          error_code peeked;
          self->stream_.socket().non_blocking(true, peeked);
          const std::size_t n =
              self->stream_.socket().receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, peeked);
          if (n == 0 && peeked != asio::error::would_block) *call->gone = true;
        });
  }

  void refuse_broken(error_code error) {
    if (error == http::error::end_of_stream || error == asio::error::eof || error == http::error::partial_message ||
        error == asio::error::connection_reset || error == asio::error::operation_aborted)
      return close();
    Answer answer;
    if (error == http::error::body_limit)
      answer = error_answer(413, "too_large", "body", fmt::format("larger than {} bytes", most_body));
    else if (error == http::error::header_limit || error == http::error::buffer_overflow)
      answer = error_answer(431, "too_large", "head", fmt::format("larger than {} bytes", most_header));
    else if (error == beast::error::timeout)
      answer = error_answer(408, "timeout", "request", "it did not arrive in time");
    else
      answer = error_answer(400, "usage", "request", fmt::format("is not HTTP: {}", error.message()));
    answer.close = true;
    write(std::move(answer));
  }

  // No exception may reach the io_context: it becomes an answer and closes the connection, because the request may be
  // only partly read.
  template <class F>
  void guarded(F&& step) {
    try {
      step();
    } catch (...) {
      Answer answer = answer_to_exception();
      answer.close = parser_ && !parser_->is_done();
      try {
        write(std::move(answer));
      } catch (const std::exception&) { close(); }
    }
  }

  void add_headers(http::fields& fields, const Answer& answer) {
    fields.set(http::field::content_type, answer.type);
    fields.set("Content-Security-Policy", beast::string_view(content_security.data(), content_security.size()));
    fields.set("X-Content-Type-Options", "nosniff");
    fields.set("X-Frame-Options", "DENY");
    fields.set("Referrer-Policy", "no-referrer");
    fields.set("Cross-Origin-Opener-Policy", "same-origin");
    fields.set("Cross-Origin-Resource-Policy", "same-origin");
    fields.set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : answer.headers) fields.set(name, value);
  }

  void write(Answer answer) {
    const bool head = call_ && call_->method == "HEAD";
    auto response = std::make_shared<http::response<http::string_body>>();
    response->version(11);
    response->result(answer.status);
    if (answer.status == 499) response->reason("Client Closed Request");
    add_headers(*response, answer);
    const bool keep = !answer.close && parser_ && parser_->is_header_done() && parser_->get().keep_alive();
    response->keep_alive(keep);
    response->body() = std::move(answer.body);
    response->prepare_payload();
    if (head) response->body().clear();
    // The time for reading depends on the size: at least 64 KiB per second.
    stream_.expires_after(write_time + seconds(response->body().size() >> 16));
    http::async_write(stream_, *response, [self = shared_from_this(), response, keep](error_code error, std::size_t) {
      if (error || !keep) return self->close();
      self->wait();
    });
  }

  void start_events(const Route& route);

  // The rest of what the client still sends is not read: a reset would throw away the answer it has not read yet.
  void close() {
    if (closed_) return;
    closed_ = true;
    if (call_) *call_->gone = true;
    error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    stream_.expires_after(seconds(2));
    drain();
  }

  void drain() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(one_read), [self = shared_from_this()](error_code error, std::size_t n) {
      self->drained_ += n;
      if (error || self->drained_ > (4 << 20)) {
        error_code ignored;
        self->stream_.socket().close(ignored);
        return;
      }
      self->drain();
    });
  }

  beast::tcp_stream stream_;
  std::shared_ptr<Shared> shared_;
  beast::flat_buffer buffer_{most_header + 64 * 1024};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::shared_ptr<Call> call_;
  bool closed_ = false;
  std::size_t drained_ = 0;
};

// The events of one answer: the working thread sends them, the connection's thread writes them. A comment line every 15
// s detects dead clients.
class EventStream : public Events, public std::enable_shared_from_this<EventStream> {
 public:
  explicit EventStream(std::shared_ptr<Connection> connection)
      : connection_(std::move(connection)),
        gone_(connection_->call_->gone),
        timer_(connection_->stream_.get_executor()) {}

  bool send(std::string_view event, std::string_view data) override {
    return push(fmt::format("event: {}\ndata: {}\n\n", event, data));
  }

  void open() {
    http::response<http::empty_body> head;
    head.version(11);
    Answer answer;
    answer.type = "text/event-stream";
    connection_->add_headers(head, answer);
    head.set(http::field::connection, "close");
    head.set("X-Accel-Buffering", "no");
    std::string text = fmt::format("HTTP/1.1 200 OK\r\n");
    for (const auto& field : head) text += fmt::format("{}: {}\r\n", view(field.name_string()), view(field.value()));
    push(text + "\r\n");
    asio::post(connection_->stream_.get_executor(), [self = shared_from_this()] { self->beat(); });
  }

  void finish() override {
    asio::post(connection_->stream_.get_executor(), [self = shared_from_this()] {
      self->finished_ = true;
      self->timer_.cancel();
      self->write_next();
    });
  }

 private:
  bool push(std::string bytes) {
    if (gone_->load()) return false;
    {
      const std::lock_guard lock(mutex_);
      waiting_ += bytes.size();
      if (waiting_ > most_events) {
        *gone_ = true;
        return false;
      }
      lines_.push_back(std::move(bytes));
    }
    asio::post(connection_->stream_.get_executor(), [self = shared_from_this()] { self->write_next(); });
    return true;
  }

  void beat() {
    timer_.expires_after(heartbeat_time);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (error || self->finished_ || !self->push(": still here\n\n")) return;
      self->beat();
    });
  }

  void write_next() {
    if (writing_ || closed_) return;
    {
      const std::lock_guard lock(mutex_);
      current_.clear();
      for (const std::string& line : lines_) current_ += line;
      lines_.clear();
    }
    if (current_.empty()) {
      if (finished_) closed_ = true, connection_->close();
      return;
    }
    writing_ = true;
    connection_->stream_.expires_after(write_time);
    asio::async_write(connection_->stream_, asio::buffer(current_),
                      [self = shared_from_this()](error_code error, std::size_t n) {
                        self->writing_ = false;
                        {
                          const std::lock_guard lock(self->mutex_);
                          self->waiting_ -= n;
                        }
                        self->connection_->stream_.expires_never();
                        if (error) {
                          *self->gone_ = true;
                          self->closed_ = true;
                          self->timer_.cancel();
                          return self->connection_->close();
                        }
                        self->write_next();
                      });
  }

  std::shared_ptr<Connection> connection_;
  std::shared_ptr<std::atomic<bool>> gone_;
  asio::steady_timer timer_;
  std::mutex mutex_;
  std::deque<std::string> lines_;  // under the mutex, as is waiting_
  std::size_t waiting_ = 0;
  std::string current_;
  bool writing_ = false, finished_ = false, closed_ = false;
};

// The stream begins with its first event: an error in the request is found before that and answered with its own
// status.
class OpeningEvents : public Events {
 public:
  explicit OpeningEvents(std::shared_ptr<EventStream> stream) : stream_(std::move(stream)) {}
  bool send(std::string_view event, std::string_view data) override {
    if (!opened_) stream_->open();
    opened_ = true;
    return stream_->send(event, data);
  }
  void finish() override { stream_->finish(); }
  bool opened() const { return opened_; }

 private:
  std::shared_ptr<EventStream> stream_;
  bool opened_ = false;
};

void Connection::start_events(const Route& route) {
  auto events = std::make_shared<OpeningEvents>(std::make_shared<EventStream>(shared_from_this()));
  const bool posted = shared_->lanes.post(route.lane, [self = shared_from_this(), call = call_, events, &route] {
    call->events = events;
    Answer answer = run(route, *call);
    call->events.reset();
    if (call->keeps_events) return;
    if (events->opened()) {
      if (answer.status >= 400) events->send("failed", answer.body);
      return events->finish();
    }
    asio::post(self->stream_.get_executor(), [self, answer = std::make_shared<Answer>(std::move(answer))] {
      self->guarded([&] { self->write(std::move(*answer)); });
    });
  });
  if (!posted) write(busy());
}

constexpr std::size_t quick_threads = 2, work_threads = 3;
constexpr int longest_line = 1024;

}  // namespace

Lanes::Lanes() : quick_(quick_threads), work_(work_threads) {}

bool Lanes::post(Lane lane, std::function<void()> work) {
  Line& line = lane == Lane::quick ? quick_ : work_;
  if (line.waiting >= longest_line) return false;
  ++line.waiting;
  asio::post(line.pool, [&line, work = std::move(work)] {
    --line.waiting;
    work();
  });
  return true;
}

void Lanes::stop() {
  quick_.pool.stop();
  work_.pool.stop();
  quick_.pool.join();
  work_.pool.join();
}

void serve_connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared) {
  std::make_shared<Connection>(std::move(socket), std::move(shared))->start();
}

}  // namespace embscope::server
