#include "fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace embscope::server {
namespace {

constexpr std::size_t deepest = 16;

[[noreturn]] void refuse(std::string_view name, std::string_view what) {
  throw Refusal(400, "usage", std::string(name), std::string(what));
}

template <class T>
void check_range(std::string_view name, T value, T low, T high) {
  if (value < low || value > high)
    throw Refusal(422, "range", std::string(name), fmt::format("{}: choose {} to {}", value, low, high));
}

std::int64_t integer_of(std::string_view name, const bj::value& value) {
  boost::system::error_code error;
  const auto number = value.to_number<std::int64_t>(error);
  if (error) refuse(name, "must be a whole number");
  return number;
}

double number_of(std::string_view name, const bj::value& value) {
  boost::system::error_code error;
  const auto number = value.to_number<double>(error);
  if (error || !std::isfinite(number)) refuse(name, "must be a number");
  return number;
}

std::string text_of(std::string_view name, const bj::value& value) {
  if (!value.is_string()) refuse(name, "must be a text in quotes");
  return std::string(value.get_string());
}

const bj::array& array_of(std::string_view name, const bj::value& value, std::size_t most) {
  if (!value.is_array()) refuse(name, "must be a list");
  if (value.get_array().size() > most)
    throw Refusal(422, "range", std::string(name),
                  fmt::format("{} of them: at most {}", value.get_array().size(), most));
  return value.get_array();
}

bj::value parsed(const std::string& body) {
  bj::parse_options options;
  options.max_depth = deepest;
  bj::error_code error;
  bj::value value = bj::parse(body, error, {}, options);
  if (error == bj::error::too_deep) refuse("body", fmt::format("nested deeper than {}", deepest));
  if (error) refuse("body", fmt::format("is not JSON: {}", error.message()));
  return value;
}

}  // namespace

bj::object body_of(const Call& call) {
  if (call.body.empty()) return {};
  bj::value value = parsed(call.body);
  if (!value.is_object()) refuse("body", "must be a JSON object");
  return std::move(value.get_object());
}

Fields::Fields(const Call& call) : object_(body_of(call)) {}

Fields::Fields(const Call& call, Names names) : Fields(call) { check(names, fmt::format(" of {}", call.path)); }

void Fields::check(std::span<const std::string_view> names, std::string_view of) const {
  for (const auto& [key, unused] : object_) {
    if (std::find(names.begin(), names.end(), std::string_view(key)) == names.end())
      refuse(std::string(key), fmt::format("is not a field{}: it has {}", of, fmt::join(names, ", ")));
  }
}

std::string Fields::without(Names names) const {
  bj::object rest = object_;
  for (std::string_view name : names) rest.erase(name);
  return bj::serialize(rest);
}

const bj::value* Fields::find(std::string_view name) const {
  const bj::value* value = object_.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string Fields::text(std::string_view name) const {
  const bj::value* value = find(name);
  if (value == nullptr) refuse(name, "is missing");
  return text_of(name, *value);
}

std::string Fields::text(std::string_view name, std::string otherwise) const {
  const bj::value* value = find(name);
  return value == nullptr ? std::move(otherwise) : text_of(name, *value);
}

std::int64_t Fields::integer(std::string_view name, std::int64_t otherwise, std::int64_t low, std::int64_t high) const {
  const bj::value* value = find(name);
  if (value == nullptr) return otherwise;
  const std::int64_t number = integer_of(name, *value);
  check_range(name, number, low, high);
  return number;
}

double Fields::number(std::string_view name, double otherwise, double low, double high) const {
  const bj::value* value = find(name);
  if (value == nullptr) return otherwise;
  const double number = number_of(name, *value);
  check_range(name, number, low, high);
  return number;
}

bool Fields::flag(std::string_view name, bool otherwise) const {
  const bj::value* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_bool()) refuse(name, "must be true or false");
  return value->get_bool();
}

std::vector<std::string> Fields::texts(std::string_view name, std::size_t most) const {
  const bj::value* value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {text_of(name, *value)};
  std::vector<std::string> list;
  for (const bj::value& one : array_of(name, *value, most)) list.push_back(text_of(name, one));
  return list;
}

std::int64_t query_integer(const Call& call, std::string_view name, std::int64_t otherwise, std::int64_t low,
                           std::int64_t high) {
  const auto at = call.query.find(name);
  if (at == call.query.end()) return otherwise;
  const std::string& text = at->second;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) refuse(name, "must be a whole number");
  check_range(name, value, low, high);
  return value;
}

std::string query_text(const Call& call, std::string_view name, std::string otherwise) {
  const auto at = call.query.find(name);
  if (at == call.query.end()) return otherwise;
  return at->second;
}

}  // namespace embscope::server
