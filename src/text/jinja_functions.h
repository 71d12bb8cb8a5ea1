// What templates call: filters, tests, methods of values. What is not here is refused by name.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja_value.h"

namespace embscope::jinja {

struct Arguments {
  Items values;
  std::vector<std::pair<std::string, Value>> named;

  /// By its place or its name; null where it is not given.
  const Value* find(std::size_t place, std::string_view name) const;
  std::string text(std::size_t place, std::string_view name, std::string otherwise) const;
  std::int64_t integer(std::size_t place, std::string_view name, std::int64_t otherwise) const;
  /// Throws Error{format} where more are given, or others by name. `of`: for the message.
  void at_most(std::size_t count, const std::vector<std::string_view>& names, std::string_view of) const;
};

Value filter(const std::string& name, const Value& value, const Arguments& arguments);
bool test(const std::string& name, const Value& value, const Arguments& arguments);
Value method(const Value& of, const std::string& name, const Arguments& arguments);
bool is_method(const Value& of, std::string_view name);

/// value.name and value[key], as Jinja looks them up; what is not there is undefined.
Value attribute(const Value& of, const std::string& name);
Value item(const Value& of, const Value& key);
Value slice(const Value& of, const Value& from, const Value& to, const Value& step);

/// What a loop goes through: elements, keys, characters.
Items elements_of(const Value& value);
std::int64_t length_of(const Value& value);
bool contains(const Value& in, const Value& what);
Value binary(const std::string& op, const Value& a, const Value& b);

}  // namespace embscope::jinja
