// Fields: a JSON body read field by field, each checked; unknown fields are refused, never ignored.
// Thread rule: a value.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http.h"

namespace embscope::server {

/// The body of a call; empty if there is none. Throws Refusal{400} for anything but a JSON object, or for JSON nested
/// deeper than 16.
bj::object body_of(const Call& call);

class Fields {
 public:
  using Names = std::initializer_list<std::string_view>;

  /// Parses the body of a call. `names` are the fields that the route knows. Throws Refusal{400} for anything but a
  /// JSON object, for JSON nested deeper than 16, and for other fields.
  Fields(const Call& call, Names names);
  explicit Fields(const Call& call);  ///< any names
  void check(Names names, std::string_view of) const { check(std::span(names.begin(), names.size()), of); }
  void check(std::span<const std::string_view> names,
             std::string_view of) const;  ///< the constructor's check, for names that are known only later
  const bj::object& object() const { return object_; }
  std::string without(Names names) const;  ///< the other fields, as JSON

  std::string text(std::string_view name) const;  ///< required
  std::string text(std::string_view name, std::string otherwise) const;
  std::int64_t integer(std::string_view name, std::int64_t otherwise, std::int64_t low, std::int64_t high) const;
  double number(std::string_view name, double otherwise, double low, double high) const;
  bool flag(std::string_view name, bool otherwise) const;
  std::vector<std::string> texts(std::string_view name,
                                 std::size_t most) const;  ///< a list or one text; empty when absent
  const bj::value* find(std::string_view name) const;      ///< null counts as absent

 private:
  bj::object object_;
};

/// A number of the query. Throws Refusal{400, 422}.
std::int64_t query_integer(const Call& call, std::string_view name, std::int64_t otherwise, std::int64_t low,
                           std::int64_t high);
std::string query_text(const Call& call, std::string_view name, std::string otherwise);

}  // namespace embscope::server
