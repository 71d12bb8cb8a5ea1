// Requests to the server's API, on a small model: "POST /api/predict?figure=1", a line's end, the body. Whatever comes,
// the answer is JSON (or an event stream, or bytes), nothing is a failure of the server's own (status 500), and no file
// is opened. A job that was started is looked at from all sides, and ended.
#include <chrono>
#include <thread>

#include <boost/json.hpp>

#include "opens.h"
#include "server.h"

namespace embscope::fuzz {
namespace {

using namespace server;

struct Server {
  Api api;
  Server() { own_folder = open_tiny_model(api); }
};

class Listener : public Events {
 public:
  bool send(std::string_view, std::string_view data) override {
    hold(data.find('\n') == data.npos, "an event of several lines");
    return ++count_ < 20;
  }
  void finish() override {}

 private:
  int count_ = 0;
};

boost::json::value parsed(const Call& call, const std::string& body) {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(body, error);
  hold(!error, fmt::format("an answer that is not JSON, of {} {}: {}", call.method, call.path, body.substr(0, 300)));
  return value;
}

Answer answer_of(const Route& route, Call& call) {
  if (route.streams) call.events = std::make_shared<Listener>();
  Answer answer = run(route, call);
  hold(answer.status != 500, fmt::format("status 500 of {} {}: {}", call.method, call.path, answer.body));
  if (answer.type == "application/json" && !answer.body.empty()) parsed(call, answer.body);
  return answer;
}

Answer ask(const Server& server, std::string_view method, std::string path) {
  Call call;
  call.method = method;
  call.path = std::move(path);
  const Route& route = server.api.routes().find(call);
  return answer_of(route, call);
}

void look_at_and_end_job(const Server& server, const Answer& started, const Call& call) {
  const std::string job = fmt::format("/api/jobs/{}", parsed(call, started.body).at("id").as_int64());
  for (const char* part : {"/points", "/ids", "/labels"}) ask(server, "GET", job + part);
  for (const char* act : {"/pause", "/resume", "/cancel"})
    ask(server, "POST", job + act);  // 409 when it has ended already
  while (true) {
    const Answer answer = ask(server, "GET", job);
    const boost::json::value now = parsed(call, answer.body);
    const auto* error = now.as_object().if_contains("error");
    hold(error == nullptr || error->at("code") != "internal",
         fmt::format("a job's own failure, of {}: {}", call.body, answer.body));
    if (ask(server, "DELETE", job).status == 200) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void serve(const Server& server, std::string_view input) {
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::string_view first = input.substr(0, line);
  const std::size_t space = std::min(first.find(' '), first.size());
  Call call;
  call.method = first.substr(0, space);
  call.body = input.substr(std::min(line + 1, input.size()));
  try {
    parse_target(first.substr(std::min(space + 1, first.size())), call);
    const Route& route = server.api.routes().find(call);
    if (opens_files(route)) return;
    const NothingOpened watch;
    if (starts_jobs(route) && call.body.find("train") != call.body.npos) {
      works_or_is_refused([&] { train_work(server::body_of(call)); });  // read, not run: it would write a model
      return;
    }
    const Answer answer = answer_of(route, call);
    if (starts_jobs(route) && answer.status == 202) look_at_and_end_job(server, answer, call);
  } catch (const Refusal& refusal) {
    hold(refusal.status() >= 400 && refusal.status() < 500, "a refusal that is none");
  }
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embscope::fuzz;
  static const Server server;
  if (size < 2000) serve(server, text_of(data, size));
  return 0;
}
