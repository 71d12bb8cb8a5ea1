#include "text/jinja_value.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "embscope/base/error.h"

namespace embscope::jinja {
namespace {

constexpr int deepest = 64;

using Kind = Value::Kind;

std::string real_text(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  const std::string text = fmt::format("{}", x);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string quoted(const std::string& text) {
  const bool twice = text.find('\'') != std::string::npos && text.find('"') == std::string::npos;
  const char mark = twice ? '"' : '\'';
  std::string out(1, mark);
  for (char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\\' || c == mark)
      out += '\\', out += c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + mark;
}

std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        else
          out += c;
    }
  }
  return out + "\"";
}

std::string json_list(const Value& value, int indent, int level);

std::string json(const Value& value, int indent, int level) {
  switch (value.kind) {
    case Kind::none: return "null";
    case Kind::boolean: return value.truth ? "true" : "false";
    case Kind::integer: return fmt::format("{}", value.integer);
    case Kind::real: return real_text(value.real);
    case Kind::text: return json_text(value.text);
    case Kind::list:
    case Kind::tuple:
    case Kind::dict: return json_list(value, indent, level);
    default: fail("tojson of something that is not a text, number, list or dict");
  }
}

std::string json_list(const Value& value, int indent, int level) {
  const bool dict = value.is(Kind::dict);
  std::vector<std::string> parts;
  if (dict) {
    for (const auto& [key, one] : *value.entries)
      parts.push_back(json_text(text_of(key)) + ": " + json(one, indent, level + 1));
  } else {
    for (const Value& one : *value.items) parts.push_back(json(one, indent, level + 1));
  }
  if (parts.empty()) return dict ? "{}" : "[]";
  const auto line = [&](int at) { return "\n" + std::string(static_cast<std::size_t>(indent * at), ' '); };
  std::string out = dict ? "{" : "[";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (indent >= 0)
      out += (i > 0 ? "," : "") + line(level + 1);
    else if (i > 0)
      out += ", ";
    out += parts[i];
  }
  if (indent >= 0) out += line(level);
  return out + (dict ? "}" : "]");
}

}  // namespace

void fail(const std::string& message) { throw Error(Code::format, "chat template", message); }

Value* Space::find(std::string_view name) {
  for (auto& [key, value] : attributes)
    if (key == name) return &value;
  return nullptr;
}

Value Value::list(Items items, Kind kind) {
  Value value{.kind = kind};
  for (const Value& one : items) value.depth = std::max(value.depth, one.depth + 1);
  if (value.depth > deepest) fail(fmt::format("lists nested deeper than {}", deepest));
  value.items = std::make_shared<const Items>(std::move(items));
  return value;
}

Value Value::dict(Entries entries) {
  Value value{.kind = Kind::dict};
  for (const auto& [key, one] : entries) value.depth = std::max({value.depth, key.depth + 1, one.depth + 1});
  if (value.depth > deepest) fail(fmt::format("dicts nested deeper than {}", deepest));
  value.entries = std::make_shared<const Entries>(std::move(entries));
  return value;
}

double Value::number() const {
  return is(Kind::real) ? real : static_cast<double>(is(Kind::boolean) ? (truth ? 1 : 0) : integer);
}

const Value* Value::find(const Value& key) const {
  for (const auto& [name, value] : *entries)
    if (equal(name, key)) return &value;
  return nullptr;
}

bool truth_of(const Value& value) {
  switch (value.kind) {
    case Kind::undefined:
    case Kind::none: return false;
    case Kind::text: return !value.text.empty();
    case Kind::list:
    case Kind::tuple: return !value.items->empty();
    case Kind::dict: return !value.entries->empty();
    case Kind::space:
    case Kind::function: return true;
    default: return value.number() != 0;
  }
}

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return compare(a, b) == 0;
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::text: return a.text == b.text;
    case Kind::list:
    case Kind::tuple: return std::ranges::equal(*a.items, *b.items, equal);
    case Kind::dict:
      return a.entries->size() == b.entries->size() && std::ranges::all_of(*a.entries, [&](const auto& entry) {
               const Value* other = b.find(entry.first);
               return other != nullptr && equal(entry.second, *other);
             });
    case Kind::space: return a.space == b.space;
    case Kind::function: return a.macro == b.macro && a.text == b.text;
    default: return true;  // none, undefined
  }
}

int compare(const Value& a, const Value& b) {
  const auto sign = [](const auto& x, const auto& y) { return x < y ? -1 : y < x ? 1 : 0; };
  if (a.is_number() && b.is_number())
    return a.is(Kind::real) || b.is(Kind::real) ? sign(a.number(), b.number())
                                                : sign(a.is(Kind::boolean) ? std::int64_t{a.truth} : a.integer,
                                                       b.is(Kind::boolean) ? std::int64_t{b.truth} : b.integer);
  if (a.is(Kind::text) && b.is(Kind::text)) return sign(a.text, b.text);
  if (a.kind == b.kind && a.is_sequence()) {
    for (std::size_t i = 0; i < std::min(a.items->size(), b.items->size()); ++i)
      if (const int one = compare((*a.items)[i], (*b.items)[i]); one != 0) return one;
    return sign(a.items->size(), b.items->size());
  }
  fail("values of kinds that have no order are compared");
}

std::string text_of(const Value& value) {
  if (value.is(Kind::undefined)) return "";
  return value.is(Kind::text) ? value.text : repr_of(value);
}

std::string repr_of(const Value& value) {
  switch (value.kind) {
    case Kind::undefined: return "Undefined";
    case Kind::none: return "None";
    case Kind::boolean: return value.truth ? "True" : "False";
    case Kind::integer: return fmt::format("{}", value.integer);
    case Kind::real: return real_text(value.real);
    case Kind::text: return quoted(value.text);
    case Kind::space:
    case Kind::function: fail("a function or namespace is written out");
    default: break;
  }
  std::string out;
  if (value.is(Kind::dict)) {
    for (const auto& [key, one] : *value.entries) out += (out.empty() ? "" : ", ") + repr_of(key) + ": " + repr_of(one);
    return "{" + out + "}";
  }
  for (const Value& one : *value.items) out += (out.empty() ? "" : ", ") + repr_of(one);
  if (value.is(Kind::tuple)) return "(" + out + (value.items->size() == 1 ? ",)" : ")");
  return "[" + out + "]";
}

std::string json_of(const Value& value, int indent) { return json(value, indent, 0); }

}  // namespace embscope::jinja
