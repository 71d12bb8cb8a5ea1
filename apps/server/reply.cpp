#include "reply.h"

#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace embscope::server {
namespace {

template <class T>
void append_numbers(std::string& out, std::span<const T> values) {
  out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    if (std::isfinite(values[i]))
      fmt::format_to(std::back_inserter(out), "{}", values[i]);
    else
      out += "null";
  }
  out += ']';
}

void append_nested(std::string& out, const Tensor& t, int axis, std::int64_t& at) {
  if (axis == t.shape().rank() - 1) {
    append_numbers(out, t.values().subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(t.shape()[axis])));
    at += t.shape()[axis];
    return;
  }
  out += '[';
  for (std::int64_t i = 0; i < t.shape()[axis]; ++i) {
    if (i > 0) out += ',';
    append_nested(out, t, axis + 1, at);
  }
  out += ']';
}

}  // namespace

void Reply::open(std::string_view name) {
  if (out_.size() > 1) out_ += ',';
  out_ += bj::serialize(bj::string(name)) + ":";
}

Reply& Reply::add(std::string_view name, const bj::value& value) { return add_json(name, bj::serialize(value)); }
Reply& Reply::add(std::string_view name, const Table& table) { return add_json(name, table.json()); }
Reply& Reply::add(std::string_view name, const Figure& figure) { return add_json(name, figure.spec); }

Reply& Reply::add(std::string_view name, std::span<const float> values) {
  open(name);
  append_numbers(out_, values);
  return *this;
}

Reply& Reply::add(std::string_view name, std::span<const double> values) {
  open(name);
  append_numbers(out_, values);
  return *this;
}

Reply& Reply::add_rows(std::string_view name, const Tensor& rows) {
  open(name);
  std::int64_t at = 0;
  append_nested(out_, rows, 0, at);
  return *this;
}

Reply& Reply::add_json(std::string_view name, std::string_view json) {
  open(name);
  out_ += json;
  return *this;
}

bj::object token_value(const Model& model, TokenId id) { return {{"id", id}, {"label", model.label(id)}}; }

bj::array labels_of(const Model& model, std::span<const TokenId> ids) {
  bj::array labels;
  for (TokenId id : ids) labels.emplace_back(model.label(id));
  return labels;
}

bj::value cost_value(const Cost& cost) {
  return {{"asked", cost.asked}, {"computed", cost.computed}, {"logit_rows", cost.logit_rows}};
}

bj::value value_or_null(std::optional<double> value) { return value ? bj::value(*value) : bj::value(); }

std::string hex_of(std::string_view bytes) {
  std::string out;
  for (const unsigned char c : bytes) fmt::format_to(std::back_inserter(out), "{:02x}", c);
  return out;
}

Answer json_answer(std::string json) {
  Answer answer;
  answer.body = std::move(json);
  return answer;
}

Answer binary_answer(std::string_view bytes) {
  Answer answer;
  answer.type = "application/octet-stream";
  answer.body = bytes;
  return answer;
}

Answer cached_answer(const Call& call, std::string_view key, const std::function<std::string()>& body) {
  Answer answer;
  const std::string tag = fmt::format("\"{:x}\"", std::hash<std::string_view>()(key));
  answer.headers = {{"ETag", tag}, {"Cache-Control", "private, no-cache"}};
  if (call.etag == tag)
    answer.status = 304;
  else
    answer.body = body();
  return answer;
}

void require_memory(double bytes, std::string_view what, double most) {
  if (bytes <= most) return;
  throw Refusal(
      413, "too_large", "memory",
      fmt::format("{} would take {:.0f} MiB; a request may use at most {:.0f}: give a shorter text, or request less",
                  what, bytes / (1 << 20), most / (1 << 20)));
}

}  // namespace embscope::server
