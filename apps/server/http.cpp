#include "http.h"

#include <new>

#include <fmt/format.h>

#include "embscope/forward/edit.h"
#include "embscope/text/utf8.h"

namespace embscope::server {
namespace {

struct Status {
  unsigned status;
  std::string_view name;
};

Status status_of(Code code) {
  switch (code) {
    case Code::usage: return {400, "usage"};
    case Code::not_found: return {404, "not_found"};
    case Code::format: return {422, "format"};
    case Code::unsupported: return {422, "unsupported"};
    case Code::shape: return {422, "shape"};
    case Code::range: return {422, "range"};
    case Code::io: return {500, "io"};
    case Code::network: return {502, "network"};
    case Code::cancelled: return {499, "cancelled"};
  }
  return {500, "internal"};
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1, low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
      if (high < 0 || low < 0) throw Refusal(400, "usage", "address", "a % is not followed by two hexadecimal digits");
      out += static_cast<char>(16 * high + low);
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  if (out.find('\0') != std::string::npos) throw Refusal(400, "usage", "address", "holds a zero byte");
  return out;
}

}  // namespace

Answer error_answer(unsigned status, std::string_view code, std::string_view where, std::string_view message) {
  Answer answer;
  answer.status = status;
  answer.body = bj::serialize(bj::object{
      {"error", bj::object{{"code", code}, {"where", well_formed(where)}, {"message", well_formed(message)}}}});
  return answer;
}

Answer answer_to_exception() {
  try {
    throw;
  } catch (const Refusal& refusal) {
    return error_answer(refusal.status(), refusal.code(), refusal.where(), refusal.what());
  } catch (const FilesRefused& error) {
    return error_answer(403, "forbidden", error.where(), error.message());
  } catch (const Error& error) {
    const Status status = status_of(error.code());
    return error_answer(status.status, status.name, error.where(), error.message());
  } catch (const std::bad_alloc&) {
    return error_answer(413, "too_large", "memory", "not enough memory for this: ask for less");
  } catch (const std::exception& error) { return error_answer(500, "internal", "server", error.what()); } catch (...) {
    return error_answer(500, "internal", "server", "an unknown error occurred");
  }
}

void parse_target(std::string_view target, Call& call) {
  if (target.empty() || target[0] != '/') throw Refusal(400, "usage", "address", "the request names no path");
  const std::size_t mark = target.find('?');
  call.path = percent_decoded(target.substr(0, mark), false);
  if (mark == std::string_view::npos) return;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (!pair.empty())
      call.query[percent_decoded(pair.substr(0, equals), true)] =
          percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

}  // namespace embscope::server
