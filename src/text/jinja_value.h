// Values of a template: Python's, as far as chat templates see them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace embscope::jinja {

struct Value;
struct Node;
using Items = std::vector<Value>;
using Entries = std::vector<std::pair<Value, Value>>;  // of a dict, in order of insertion

/// The attributes of a namespace(...): the one value that changes.
struct Space {
  std::vector<std::pair<std::string, Value>> attributes;
  Value* find(std::string_view name);
};

struct Value {
  enum class Kind { undefined, none, boolean, integer, real, text, list, tuple, dict, space, function };

  Kind kind = Kind::undefined;
  bool truth = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;  // of a text; the name of what is undefined, and of a function
  std::shared_ptr<const Items> items;
  std::shared_ptr<const Entries> entries;
  Space* space = nullptr;       // owned by the rendering
  const Node* macro = nullptr;  // null: a function of our own
  int depth = 0;                // of lists in lists

  static Value none() { return {.kind = Kind::none}; }
  static Value of(bool truth) { return {.kind = Kind::boolean, .truth = truth}; }
  static Value of(std::int64_t number) { return {.kind = Kind::integer, .integer = number}; }
  static Value of(double number) { return {.kind = Kind::real, .real = number}; }
  static Value of(std::string text) { return {.kind = Kind::text, .text = std::move(text)}; }
  static Value undefined(std::string name) { return {.kind = Kind::undefined, .text = std::move(name)}; }
  /// Throw Error{range} for lists nested deeper than any template needs.
  static Value list(Items items, Kind kind = Kind::list);
  static Value dict(Entries entries);

  bool is(Kind other) const { return kind == other; }
  bool is_number() const { return is(Kind::integer) || is(Kind::real) || is(Kind::boolean); }
  bool is_sequence() const { return is(Kind::list) || is(Kind::tuple); }
  double number() const;                      ///< precondition: is_number()
  const Value* find(const Value& key) const;  ///< of a dict; null where it has none
};

bool truth_of(const Value& value);
bool equal(const Value& a, const Value& b);
/// -1, 0, 1. Throws Error{format} for kinds that Python does not order.
int compare(const Value& a, const Value& b);
std::string text_of(const Value& value);  ///< str(value)
std::string repr_of(const Value& value);
/// json.dumps(value, ensure_ascii=False, indent=...); indent below 0: on one line.
std::string json_of(const Value& value, int indent = -1);

[[noreturn]] void fail(const std::string& message);  ///< Error{format}

}  // namespace embscope::jinja
