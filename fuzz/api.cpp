// Requests to the server: a target and a body for every route of the API, on a small model. Whatever comes, the answer is JSON
// (or an event stream), and nothing is a failure of the server's own (status 500).
#include <boost/json.hpp>

#include "forward/tiny.h"
#include "input.h"
#include "server/api.h"

namespace embscope::fuzz {
namespace {

using namespace server;

struct Server {
  Api api;
  std::vector<const Route*> routes;
  Server() {
    const auto model = tiny::open("tiny-llama");
    api.models().open(model->path().string());
    for (const Route& route : api.routes().all()) {
      const bool apart = route.pattern == "/api/models" || route.pattern.rfind("/api/jobs", 0) == 0;  // files; work that outlives the call
      if (!apart || route.method == "GET") routes.push_back(&route);
    }
  }
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

std::string with_parameters(std::string pattern) {
  for (std::size_t open; (open = pattern.find('{')) != std::string::npos;) pattern.replace(open, pattern.find('}') - open + 1, "1");
  return pattern;
}

// The first byte chooses the route, the first line is the query, the rest the body.
void serve(const Server& server, std::string_view input) {
  const Route& route = *server.routes[static_cast<unsigned char>(input[0]) % server.routes.size()];
  input.remove_prefix(1);
  const std::size_t line = std::min(input.find('\n'), input.size());
  Call call;
  call.method = route.method;
  try {
    parse_target(with_parameters(route.pattern) + "?" + std::string(input.substr(0, line)), call);
  } catch (const Refusal&) { return; }
  call.body = input.substr(std::min(line + 1, input.size()));
  if (call.body.find("file") != std::string::npos) return;  // an expression that reads what its user may read
  call.path = with_parameters(route.pattern);
  if (route.streams) call.events = std::make_shared<Listener>();
  const Route* found = nullptr;
  try {
    found = &server.api.routes().find(call);
  } catch (const Refusal&) { return; }
  const Answer answer = run(*found, call);
  hold(answer.status != 500, fmt::format("status 500 of {} {}: {}", call.method, call.path, answer.body));
  boost::system::error_code error;
  if (answer.type == "application/json" && !answer.body.empty() && answer.headers.empty()) boost::json::parse(answer.body, error);
  hold(!error, fmt::format("an answer that is no JSON, of {} {}: {}", call.method, call.path, answer.body.substr(0, 300)));
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embscope::fuzz;
  static const Server server;
  if (size >= 2 && size < 2000) serve(server, text_of(data, size));
  return 0;
}
