#include "routes.h"

#include <stdexcept>

#include <fmt/format.h>
#include <zlib.h>

namespace embscope::server {
namespace {

constexpr std::size_t worth_compressing = 4096;

// "/api/jobs/7" against "/api/jobs/{id}".
bool matches(std::string_view pattern, std::string_view path, std::vector<std::string>& parameters) {
  parameters.clear();
  while (true) {
    const std::size_t open = pattern.find('{');
    if (open == std::string_view::npos) return pattern == path;
    if (path.substr(0, open) != pattern.substr(0, open)) return false;
    pattern.remove_prefix(pattern.find('}') + 1);
    path.remove_prefix(open);
    const std::size_t end = pattern.empty() ? path.size() : std::min(path.find(pattern[0]), path.size());
    if (end == 0 || path.substr(0, end).find('/') != std::string_view::npos) return false;
    parameters.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
}

std::string gzipped(const std::string& text) {
  z_stream stream{};
  constexpr int gzip_window = 15 + 16;
  if (deflateInit2(&stream, 1, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib's own signature
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return status == Z_STREAM_END ? out : std::string();
}

void compress(const Call& call, Answer& answer) {
  if (!call.gzip || answer.body.size() < worth_compressing || answer.body.size() > UINT32_MAX / 2) return;
  if (answer.type.rfind("text/", 0) != 0 && answer.type.find("json") == std::string::npos &&
      answer.type.find("javascript") == std::string::npos)
    return;
  std::string small = gzipped(answer.body);
  if (small.empty()) return;
  answer.body = std::move(small);
  answer.headers.emplace_back("Content-Encoding", "gzip");
}

}  // namespace

void refuse_guest(std::string_view what) {
  throw Refusal(403, "forbidden", std::string(what),
                "is only for the person who started the server; guests of a class cannot change it");
}

void Routes::add(std::string method, std::string pattern, Lane lane, Handler handle) {
  routes_.push_back({std::move(method), std::move(pattern), lane, std::move(handle), false});
}

void Routes::add_stream(std::string method, std::string pattern, Handler handle) {
  routes_.push_back({std::move(method), std::move(pattern), Lane::work, std::move(handle), true});
}

const Route& Routes::find(Call& call) const {
  std::string others;
  for (const Route& route : routes_) {
    if (!matches(route.pattern, call.path, call.parameters)) continue;
    if (route.owner_only && call.visitor.is_guest() && route.method == call.method) refuse_guest(call.path);
    if (route.method == call.method || (call.method == "HEAD" && route.method == "GET" && !route.streams)) return route;
    others += (others.empty() ? "" : ", ") + route.method;
  }
  if (others.empty()) throw Refusal(404, "not_found", call.path, "no such address: /api/openapi.json lists them");
  throw Refusal(405, "usage", call.path,
                fmt::format("{} is not allowed for this address: use {}", call.method, others));
}

Answer run(const Route& route, Call& call) {
  try {
    if (call.cancelled()) throw Error(Code::cancelled, "request", "the client has disconnected");
    Answer answer = route.handle(call);
    compress(call, answer);
    return answer;
  } catch (...) { return answer_to_exception(); }
}

}  // namespace embscope::server
