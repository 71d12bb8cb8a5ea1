#include "text/jinja_functions.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "embscope/base/error.h"
#include "text/unicode.h"

namespace embscope::jinja {
namespace {

using Kind = Value::Kind;

constexpr std::int64_t most_repeats = 100'000;

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> all;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = static_cast<std::size_t>(code_point(text, at).length);
    all.push_back(text.substr(at, length));
    at += length;
  }
  return all;
}

// str.isspace: White_Space and four separators of ASCII.
bool is_space(std::string_view character) {
  const std::int32_t code = code_point(character, 0).value;
  return class_at(character, 0) == CharClass::space || (code >= 0x1c && code <= 0x1f);
}

const std::string& text(const Value& value, std::string_view of) {
  if (!value.is(Kind::text)) fail(fmt::format("{} of something that is not a text", of));
  return value.text;
}

// str.strip and its halves: white space, or the given characters.
std::string stripped(const std::string& whole, const Value* chars, bool left, bool right) {
  const std::vector<std::string_view> all = characters(whole);
  const std::vector<std::string_view> out = chars == nullptr || chars->is(Kind::none)
                                                ? std::vector<std::string_view>{}
                                                : characters(text(*chars, "the characters to strip"));
  const bool spaces = chars == nullptr || chars->is(Kind::none);
  const auto goes = [&](std::string_view c) { return spaces ? is_space(c) : std::ranges::find(out, c) != out.end(); };
  std::size_t first = 0, last = all.size();
  while (left && first < last && goes(all[first])) ++first;
  while (right && last > first && goes(all[last - 1])) --last;
  std::string kept;
  for (std::size_t i = first; i < last; ++i) kept += all[i];
  return kept;
}

std::string in_case(std::string text, const std::string& how) {
  bool begins = true;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) >= 0x80)
      throw Error(Code::unsupported, "chat template", fmt::format("'{}' of letters beyond ASCII", how));
    const bool letter = ascii_classes[static_cast<unsigned char>(c)] == CharClass::letter;
    const bool upper = how == "upper" || (how != "lower" && begins);
    if (letter) c = static_cast<char>(upper ? c & ~32 : c | 32);
    begins = how == "title" ? !letter : false;
  }
  return text;
}

std::string replaced(const std::string& whole, const std::string& from, const std::string& to, std::int64_t most) {
  if (from.empty()) throw Error(Code::unsupported, "chat template", "'replace' of an empty text");
  std::string out;
  std::size_t at = 0;
  for (std::size_t found; most != 0 && (found = whole.find(from, at)) != std::string::npos; --most) {
    out.append(whole, at, found - at) += to;
    at = found + from.size();
  }
  return out.append(whole, at, std::string::npos);
}

Items split_at_spaces(const std::string& whole, std::int64_t most) {
  Items parts;
  const std::vector<std::string_view> all = characters(whole);
  for (std::size_t i = 0; i < all.size();) {
    if (is_space(all[i])) {
      ++i;
      continue;
    }
    std::string part;
    const bool last = most >= 0 && static_cast<std::int64_t>(parts.size()) == most;
    while (i < all.size() && (last || !is_space(all[i]))) part += all[i++];
    parts.push_back(Value::of(last ? stripped(part, nullptr, false, true) : part));
  }
  return parts;
}

Value split(const std::string& whole, const Arguments& arguments, bool from_right) {
  arguments.at_most(2, {"sep", "maxsplit"}, "split");
  const Value* separator = arguments.find(0, "sep");
  const std::int64_t most = arguments.integer(1, "maxsplit", -1);
  if (separator == nullptr || separator->is(Kind::none)) {
    if (from_right && most >= 0)
      throw Error(Code::unsupported, "chat template", "'rsplit' at white space with a limit");
    return Value::list(split_at_spaces(whole, most));
  }
  const std::string& at = text(*separator, "the separator");
  if (at.empty()) fail("an empty separator");
  Items parts;
  std::string rest = whole;
  while (most < 0 || static_cast<std::int64_t>(parts.size()) < most) {
    const std::size_t found = from_right ? rest.rfind(at) : rest.find(at);
    if (found == std::string::npos) break;
    parts.push_back(Value::of(from_right ? rest.substr(found + at.size()) : rest.substr(0, found)));
    from_right ? rest.resize(found) : static_cast<void>(rest.erase(0, found + at.size()));
  }
  parts.push_back(Value::of(rest));
  if (from_right) std::ranges::reverse(parts);
  return Value::list(std::move(parts));
}

Value split_lines(const std::string& whole) {
  Items lines;
  for (std::size_t at = 0; at < whole.size();) {
    const std::size_t end = std::min(whole.find_first_of("\n\r\v\f\x1c\x1d\x1e", at), whole.size());
    lines.push_back(Value::of(whole.substr(at, end - at)));
    at = end + (whole.compare(end, 2, "\r\n") == 0 ? 2 : 1);
  }
  return Value::list(std::move(lines));
}

bool begins_or_ends(const std::string& whole, const Arguments& arguments, bool begins) {
  const Value* what = arguments.find(0, "prefix");
  if (what == nullptr || arguments.values.size() > 1)
    fail("startswith and endswith take one text or several in brackets");
  const auto one = [&](const Value& v) {
    return begins ? whole.starts_with(text(v, "startswith")) : whole.ends_with(text(v, "endswith"));
  };
  return what->is(Kind::tuple) ? std::ranges::any_of(*what->items, one) : one(*what);
}

Value find_in(const std::string& whole, const std::string& what) {
  const std::size_t found = whole.find(what);
  return Value::of(found == std::string::npos ? std::int64_t{-1}
                                              : static_cast<std::int64_t>(characters(whole.substr(0, found)).size()));
}

Value join(const Items& items, const std::string& between) {
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) out += (i > 0 ? between : "") + text_of(items[i]);
  return Value::of(std::move(out));
}

// str.format, of {}, {0} and {name}: how a value is to be written is not read.
std::string formatted(const std::string& whole, const Arguments& a) {
  std::string out;
  std::size_t next = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    const char c = whole[at];
    const bool twice = at + 1 < whole.size() && whole[at + 1] == c;
    if (c != '{' && c != '}') {
      out += c;
    } else if (twice) {
      out += c, ++at;
    } else {
      const std::size_t end = c == '{' ? whole.find('}', at) : std::string::npos;
      if (end == std::string::npos) fail("'format' of a text with a single bracket");
      const std::string name = whole.substr(at + 1, end - at - 1);
      if (name.find_first_of(":!.[{") != std::string::npos)
        throw Error(Code::unsupported, "chat template", fmt::format("'format' with {{{}}}", name));
      const bool numbered = !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
      const std::size_t place = name.empty() ? next++ : numbered && name.size() < 6 ? std::stoul(name) : SIZE_MAX;
      const Value* value = a.find(place, name);
      if (value == nullptr) fail(fmt::format("'format' has no value for {{{}}}", name));
      out += text_of(*value);
      at = end;
    }
  }
  return out;
}

Value text_method(const std::string& whole, const std::string& name, const Arguments& arguments) {
  if (name == "strip") return Value::of(stripped(whole, arguments.find(0, "chars"), true, true));
  if (name == "lstrip") return Value::of(stripped(whole, arguments.find(0, "chars"), true, false));
  if (name == "rstrip") return Value::of(stripped(whole, arguments.find(0, "chars"), false, true));
  if (name == "split" || name == "rsplit") return split(whole, arguments, name == "rsplit");
  if (name == "splitlines" && arguments.values.empty()) return split_lines(whole);
  if (name == "startswith" || name == "endswith")
    return Value::of(begins_or_ends(whole, arguments, name == "startswith"));
  if (name == "replace")
    return Value::of(
        replaced(whole, arguments.text(0, "old", ""), arguments.text(1, "new", ""), arguments.integer(2, "count", -1)));
  if (name == "upper" || name == "lower" || name == "title" || name == "capitalize")
    return Value::of(in_case(whole, name));
  if (name == "format") return Value::of(formatted(whole, arguments));
  if (name == "find" && arguments.values.size() == 1) return find_in(whole, arguments.text(0, "sub", ""));
  if (name == "removeprefix" || name == "removesuffix") {
    const std::string part = arguments.text(0, "part", "");
    if (name == "removeprefix") return Value::of(whole.starts_with(part) ? whole.substr(part.size()) : whole);
    return Value::of(whole.ends_with(part) ? whole.substr(0, whole.size() - part.size()) : whole);
  }
  if (name == "join" && arguments.values.size() == 1) {
    const Items parts = elements_of(arguments.values[0]);
    for (const Value& part : parts) text(part, "join");
    return join(parts, whole);
  }
  if (name == "isdigit")
    return Value::of(!whole.empty() && std::ranges::all_of(whole, [](char c) { return c >= '0' && c <= '9'; }));
  throw Error(Code::unsupported, "chat template", fmt::format("a method '{}' of a text", name));
}

Value dict_method(const Value& dict, const std::string& name, const Arguments& arguments) {
  if (name == "get") {
    arguments.at_most(2, {}, "get");
    if (arguments.values.empty()) fail("get takes a key");
    if (const Value* found = dict.find(arguments.values[0])) return *found;
    return arguments.values.size() > 1 ? arguments.values[1] : Value::none();
  }
  Items out;
  for (const auto& [key, value] : *dict.entries)
    out.push_back(name == "keys" ? key : name == "values" ? value : Value::list({key, value}, Kind::tuple));
  return Value::list(std::move(out));
}

constexpr std::string_view dict_methods[] = {"get", "items", "keys", "values"};

// Filters by name, each of a value and its arguments.

using Filter = Value (*)(const Value&, const Arguments&);

[[noreturn]] void not_in(const char* kind, const std::string& name) {
  throw Error(Code::unsupported, "chat template", fmt::format("{} '{}'", kind, name));
}

Value filter_default(const Value& v, const Arguments& a) {
  const Value* other = a.find(0, "default_value");
  const Value* also_false = a.find(1, "boolean");
  const bool replace = v.is(Kind::undefined) || (also_false != nullptr && truth_of(*also_false) && !truth_of(v));
  return !replace ? v : other == nullptr ? Value::of(std::string()) : *other;
}

Value filter_int(const Value& v, const Arguments& a) {
  if (v.is(Kind::undefined)) fail(fmt::format("'{}' is undefined", v.text));
  if (v.is(Kind::real) && std::abs(v.real) < 9e18) return Value::of(static_cast<std::int64_t>(v.real));
  if (v.is_number() && !v.is(Kind::real)) return Value::of(static_cast<std::int64_t>(v.number()));
  std::int64_t value = 0;
  const std::string digits = v.is(Kind::text) ? stripped(v.text, nullptr, true, true) : "";
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return Value::of(error == std::errc() && end == digits.data() + digits.size() ? value : a.integer(0, "default", 0));
}

Value filter_tojson(const Value& v, const Arguments& a) {
  a.at_most(2, {"ensure_ascii", "indent"}, "tojson");
  const Value* ascii = a.find(0, "ensure_ascii");
  if (ascii != nullptr && truth_of(*ascii))
    throw Error(Code::unsupported, "chat template", "'tojson' with ensure_ascii");
  const std::int64_t indent = a.integer(1, "indent", -1);
  if (indent > 16) fail("tojson with an indent above 16");
  return Value::of(json_of(v, static_cast<int>(indent)));
}

Value filter_indent(const Value& v, const Arguments& a) {
  const Value* width = a.find(0, "width");
  if (width != nullptr && !width->is(Kind::integer) && !width->is(Kind::text))
    fail("indent by something that is not a number");
  const std::int64_t count = width != nullptr && width->is(Kind::text) ? 0 : a.integer(0, "width", 4);
  if (count < 0 || count > 100) fail("indent by more than 100");
  const std::string margin =
      width != nullptr && width->is(Kind::text) ? width->text : std::string(static_cast<std::size_t>(count), ' ');
  const Value *first = a.find(1, "first"), *blank = a.find(2, "blank");
  std::string out = first != nullptr && truth_of(*first) ? margin : "";
  const std::string& whole = text(v, "indent");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    out += whole[i];
    const bool empty_line = i + 1 == whole.size() || whole[i + 1] == '\n';
    if (whole[i] == '\n' && (!empty_line || (blank != nullptr && truth_of(*blank)))) out += margin;
  }
  return Value::of(std::move(out));
}

Value filter_join(const Value& v, const Arguments& a) {
  Items items = elements_of(v);
  if (const Value* name = a.find(1, "attribute"))
    for (Value& one : items) one = item(one, *name);
  return join(items, a.text(0, "d", ""));
}

Value from_path(Value value, const Value& path) {
  if (!path.is(Kind::text)) return item(value, path);
  for (std::size_t at = 0; at <= path.text.size();) {
    const std::size_t end = std::min(path.text.find('.', at), path.text.size());
    value = item(value, Value::of(path.text.substr(at, end - at)));
    at = end + 1;
  }
  return value;
}

// As Jinja has it, what is not true has no elements: none too.
Items elements_if_any(const Value& v) { return truth_of(v) ? elements_of(v) : Items(); }

Value filter_map(const Value& v, const Arguments& a) {
  Items items = elements_if_any(v);
  if (const auto* path = a.values.empty() ? a.find(0, "attribute") : nullptr) {
    const Value* otherwise = a.find(9, "default");
    for (Value& one : items) {
      one = from_path(one, *path);
      if (one.is(Kind::undefined) && otherwise != nullptr) one = *otherwise;
    }
    return Value::list(std::move(items));
  }
  if (a.values.empty()) fail("map takes a filter or attribute=");
  const Arguments rest{Items(a.values.begin() + 1, a.values.end()), a.named};
  for (Value& one : items) one = filter(text(a.values[0], "map"), one, rest);
  return Value::list(std::move(items));
}

// select, reject, selectattr, rejectattr.
Value chosen(const Value& v, const Arguments& a, bool by_attribute, bool keep) {
  const std::size_t first = by_attribute ? 1 : 0;
  if (a.values.size() < first) fail("selectattr and rejectattr take the name of an attribute");
  const bool tested = a.values.size() > first;
  const Arguments rest{
      tested ? Items(a.values.begin() + static_cast<std::ptrdiff_t>(first) + 1, a.values.end()) : Items{}, a.named};
  Items kept;
  for (const Value& one : elements_if_any(v)) {
    const Value what = by_attribute ? from_path(one, a.values[0]) : one;
    if ((tested ? test(text(a.values[first], "the test"), what, rest) : truth_of(what)) == keep) kept.push_back(one);
  }
  return Value::list(std::move(kept));
}

Value reversed(const Value& v) {
  Items items = elements_of(v);
  std::ranges::reverse(items);
  return v.is(Kind::text) ? join(items, "") : Value::list(std::move(items));
}

Value end_of(const Value& v, bool first) {
  const Items items = elements_of(v);
  return items.empty() ? Value::undefined(first ? "the first of nothing" : "the last of nothing")
         : first       ? items.front()
                       : items.back();
}

// What sort and dictsort compare: texts without regard to case, unless it is asked for.
Value sort_key(const Value& v, bool case_sensitive) {
  return v.is(Kind::text) && !case_sensitive ? Value::of(in_case(v.text, "lower")) : v;
}

bool is_true(const Arguments& a, std::size_t place, std::string_view name) {
  const Value* given = a.find(place, name);
  return given != nullptr && truth_of(*given);
}

// Items by their keys, equal ones in the order that they have.
Value sorted(Items items, const Items& keys, bool reverse) {
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t i, std::size_t j) {
    const int c = compare(keys[i], keys[j]);
    return reverse ? c > 0 : c < 0;
  });
  Items out;
  for (const std::size_t i : order) out.push_back(std::move(items[i]));
  return Value::list(std::move(out));
}

Value filter_sort(const Value& v, const Arguments& a) {
  a.at_most(3, {"reverse", "case_sensitive", "attribute"}, "sort");
  Items items = elements_of(v), keys;
  const Value* path = a.find(2, "attribute");
  for (const Value& one : items)
    keys.push_back(sort_key(path == nullptr ? one : from_path(one, *path), is_true(a, 1, "case_sensitive")));
  return sorted(std::move(items), keys, is_true(a, 0, "reverse"));
}

Value filter_dictsort(const Value& v, const Arguments& a) {
  a.at_most(3, {"case_sensitive", "by", "reverse"}, "dictsort");
  if (!v.is(Kind::dict)) fail("dictsort of something that is not a dict");
  const std::string by = a.text(1, "by", "key");
  if (by != "key" && by != "value") fail("dictsort by something that is neither 'key' nor 'value'");
  Items items, keys;
  for (const auto& [key, value] : *v.entries) {
    items.push_back(Value::list({key, value}, Kind::tuple));
    keys.push_back(sort_key(by == "key" ? key : value, is_true(a, 0, "case_sensitive")));
  }
  return sorted(std::move(items), keys, is_true(a, 2, "reverse"));
}

const std::map<std::string, Filter, std::less<>>& filters() {
  static const std::map<std::string, Filter, std::less<>> all = {
      {"trim", [](const Value& v,
                  const Arguments& a) { return Value::of(stripped(text_of(v), a.find(0, "chars"), true, true)); }},
      {"length", [](const Value& v, const Arguments&) { return Value::of(length_of(v)); }},
      {"count", [](const Value& v, const Arguments&) { return Value::of(length_of(v)); }},
      {"upper", [](const Value& v, const Arguments&) { return Value::of(in_case(text_of(v), "upper")); }},
      {"lower", [](const Value& v, const Arguments&) { return Value::of(in_case(text_of(v), "lower")); }},
      {"capitalize", [](const Value& v, const Arguments&) { return Value::of(in_case(text_of(v), "capitalize")); }},
      {"title", [](const Value& v, const Arguments&) { return Value::of(in_case(text_of(v), "title")); }},
      {"first", [](const Value& v, const Arguments&) { return end_of(v, true); }},
      {"last", [](const Value& v, const Arguments&) { return end_of(v, false); }},
      {"list", [](const Value& v, const Arguments&) { return Value::list(elements_of(v)); }},
      {"string", [](const Value& v, const Arguments&) { return Value::of(text_of(v)); }},
      {"safe", [](const Value& v, const Arguments&) { return Value::of(text_of(v)); }},
      {"items", [](const Value& v,
                   const Arguments&) { return v.is(Kind::undefined) ? Value::list({}) : method(v, "items", {}); }},
      {"replace",
       [](const Value& v, const Arguments& a) {
         return Value::of(replaced(text_of(v), a.text(0, "old", ""), a.text(1, "new", ""), a.integer(2, "count", -1)));
       }},
      {"abs",
       [](const Value& v, const Arguments&) {
         if (!v.is_number()) fail("abs of something that is not a number");
         return compare(v, Value::of(std::int64_t{0})) < 0 ? binary("-", Value::of(std::int64_t{0}), v) : v;
       }},
      {"reverse", [](const Value& v, const Arguments&) { return reversed(v); }},
      {"select", [](const Value& v, const Arguments& a) { return chosen(v, a, false, true); }},
      {"reject", [](const Value& v, const Arguments& a) { return chosen(v, a, false, false); }},
      {"selectattr", [](const Value& v, const Arguments& a) { return chosen(v, a, true, true); }},
      {"rejectattr", [](const Value& v, const Arguments& a) { return chosen(v, a, true, false); }},
      {"default", filter_default},
      {"d", filter_default},
      {"int", filter_int},
      {"tojson", filter_tojson},
      {"indent", filter_indent},
      {"join", filter_join},
      {"map", filter_map},
      {"sort", filter_sort},
      {"dictsort", filter_dictsort},
  };
  return all;
}

std::int64_t whole_number(const Value& v, std::string_view of) {
  if (!v.is(Kind::integer) && !v.is(Kind::boolean)) fail(fmt::format("{} of something that is not a whole number", of));
  return v.is(Kind::boolean) ? std::int64_t{v.truth} : v.integer;
}

Value divided(const std::string& op, const Value& a, const Value& b) {
  if (b.number() == 0) fail("a division by zero");
  if (op == "/") return Value::of(a.number() / b.number());
  if (a.is(Kind::real) || b.is(Kind::real)) {
    const double whole = std::floor(a.number() / b.number());
    return Value::of(op == "//" ? whole : a.number() - whole * b.number());
  }
  const std::int64_t x = whole_number(a, op), y = whole_number(b, op);
  if (y == -1) return op == "//" ? binary("-", Value::of(std::int64_t{0}), a) : Value::of(std::int64_t{0});
  const std::int64_t rest = x % y,
                     down = rest != 0 && (rest < 0) != (y < 0) ? 1 : 0;  // as Python: towards minus infinity
  return Value::of(op == "//" ? x / y - down : rest + down * y);
}

Value repeated(const Value& what, std::int64_t count) {
  count = std::max<std::int64_t>(count, 0);
  if (count * std::max<std::int64_t>(1, length_of(what)) > most_repeats || count > most_repeats)
    fail("a text or list repeated beyond any use");
  std::string out;
  Items items;
  for (std::int64_t i = 0; i < count; ++i) {
    if (what.is(Kind::text))
      out += what.text;
    else
      items.insert(items.end(), what.items->begin(), what.items->end());
  }
  return what.is(Kind::text) ? Value::of(std::move(out)) : Value::list(std::move(items), what.kind);
}

Value arithmetic(const std::string& op, const Value& a, const Value& b) {
  if (op == "/" || op == "//" || op == "%") return divided(op, a, b);
  if (a.is(Kind::real) || b.is(Kind::real)) {
    const double x = a.number(), y = b.number();
    return Value::of(op == "+" ? x + y : op == "-" ? x - y : x * y);
  }
  const std::int64_t x = whole_number(a, op), y = whole_number(b, op);
  std::int64_t out = 0;
  const bool over = op == "+"   ? __builtin_add_overflow(x, y, &out)
                    : op == "-" ? __builtin_sub_overflow(x, y, &out)
                                : __builtin_mul_overflow(x, y, &out);
  if (over) fail("a whole number beyond 64 bits");
  return Value::of(out);
}

}  // namespace

const Value* Arguments::find(std::size_t place, std::string_view name) const {
  if (place < values.size()) return &values[place];
  for (const auto& [key, value] : named)
    if (key == name) return &value;
  return nullptr;
}

std::string Arguments::text(std::size_t place, std::string_view name, std::string otherwise) const {
  const Value* value = find(place, name);
  if (value == nullptr) return otherwise;
  if (!value->is(Kind::text)) fail(fmt::format("'{}' is not a text", name));
  return value->text;
}

std::int64_t Arguments::integer(std::size_t place, std::string_view name, std::int64_t otherwise) const {
  const Value* value = find(place, name);
  return value == nullptr || value->is(Kind::none) ? otherwise : whole_number(*value, name);
}

void Arguments::at_most(std::size_t count, const std::vector<std::string_view>& names, std::string_view of) const {
  if (values.size() > count) fail(fmt::format("{} takes at most {} arguments", of, count));
  for (const auto& [key, value] : named)
    if (std::ranges::find(names, key) == names.end())
      throw Error(Code::unsupported, "chat template", fmt::format("'{}' with an argument '{}'", of, key));
}

Value filter(const std::string& name, const Value& value, const Arguments& arguments) {
  const auto found = filters().find(name);
  if (found == filters().end()) not_in("a filter", name);
  return found->second(value, arguments);
}

bool test(const std::string& name, const Value& v, const Arguments& a) {
  const auto other = [&]() -> const Value& {
    if (a.values.empty()) fail(fmt::format("the test '{}' takes a value", name));
    return a.values[0];
  };
  if (name == "defined") return !v.is(Kind::undefined);
  if (name == "undefined") return v.is(Kind::undefined);
  if (name == "none") return v.is(Kind::none);
  if (name == "string") return v.is(Kind::text);
  if (name == "boolean") return v.is(Kind::boolean);
  if (name == "integer") return v.is(Kind::integer);
  if (name == "float") return v.is(Kind::real);
  if (name == "number") return v.is_number();
  if (name == "true") return v.is(Kind::boolean) && v.truth;
  if (name == "false") return v.is(Kind::boolean) && !v.truth;
  if (name == "mapping") return v.is(Kind::dict);
  if (name == "sequence") return v.is(Kind::text) || v.is_sequence() || v.is(Kind::dict);
  if (name == "iterable") return v.is(Kind::undefined) || v.is(Kind::text) || v.is_sequence() || v.is(Kind::dict);
  if (name == "callable") return v.is(Kind::function);
  if (name == "odd" || name == "even") return (whole_number(v, name) % 2 != 0) == (name == "odd");
  if (name == "divisibleby") return whole_number(divided("%", v, other()), name) == 0;
  if (name == "equalto" || name == "eq" || name == "sameas") return equal(v, other());
  if (name == "ne") return !equal(v, other());
  if (name == "in") return contains(other(), v);
  if (name == "lt") return compare(v, other()) < 0;
  if (name == "le") return compare(v, other()) <= 0;
  if (name == "gt") return compare(v, other()) > 0;
  if (name == "ge") return compare(v, other()) >= 0;
  not_in("a test", name);
}

bool is_method(const Value& of, std::string_view name) {
  return of.is(Kind::text) || (of.is(Kind::dict) && std::ranges::find(dict_methods, name) != std::end(dict_methods));
}

Value method(const Value& of, const std::string& name, const Arguments& arguments) {
  if (of.is(Kind::text)) return text_method(of.text, name, arguments);
  if (of.is(Kind::dict) && is_method(of, name)) return dict_method(of, name, arguments);
  if (of.is(Kind::undefined)) fail(fmt::format("'{}' is undefined", of.text));
  throw Error(Code::unsupported, "chat template", fmt::format("a method '{}' of this kind of value", name));
}

Value attribute(const Value& of, const std::string& name) {
  if (of.is(Kind::space)) {
    const Value* found = of.space->find(name);
    return found == nullptr ? Value::undefined(name) : *found;
  }
  return item(of, Value::of(name));
}

Value item(const Value& of, const Value& key) {
  const std::string shown = text_of(key);
  if (of.is(Kind::undefined)) fail(fmt::format("'{}' is undefined, and has no '{}'", of.text, shown));
  if (of.is(Kind::dict)) {
    const Value* found = of.find(key);
    return found == nullptr ? Value::undefined(shown) : *found;
  }
  if (!key.is(Kind::integer) || !(of.is(Kind::text) || of.is_sequence())) return Value::undefined(shown);
  const std::int64_t size = length_of(of), at = key.integer < 0 ? key.integer + size : key.integer;
  if (at < 0 || at >= size) return Value::undefined(shown);
  if (of.is(Kind::text)) return Value::of(std::string(characters(of.text)[static_cast<std::size_t>(at)]));
  return (*of.items)[static_cast<std::size_t>(at)];
}

Value slice(const Value& of, const Value& from, const Value& to, const Value& step) {
  if (!of.is(Kind::text) && !of.is_sequence()) fail("a part of something that is not a text or a list");
  const auto given = [](const Value& v) { return v.is(Kind::undefined) || v.is(Kind::none) ? nullptr : &v; };
  const std::int64_t by = given(step) == nullptr ? 1 : whole_number(step, "the step");
  if (by == 0) fail("a step of 0");
  const Items all = elements_of(of);
  const auto size = static_cast<std::int64_t>(all.size());
  const std::int64_t low = by > 0 ? 0 : -1, high = by > 0 ? size : size - 1;  // as Python's slice.indices
  const auto bound = [&](const Value& v, std::int64_t otherwise) {
    if (given(v) == nullptr) return otherwise;
    const std::int64_t at = std::clamp(whole_number(v, "the place"), -size - 1, size + 1);
    return std::clamp(at < 0 ? at + size : at, low, high);
  };
  const std::int64_t first = bound(from, by > 0 ? low : high), last = bound(to, by > 0 ? high : low);
  Items part;
  for (std::int64_t i = first; by > 0 ? i < last : i > last;) {
    part.push_back(all[static_cast<std::size_t>(i)]);
    if (__builtin_add_overflow(i, by, &i)) break;
  }
  return of.is(Kind::text) ? join(part, "") : Value::list(std::move(part), of.kind);
}

Items elements_of(const Value& value) {
  switch (value.kind) {
    case Kind::list:
    case Kind::tuple: return *value.items;
    case Kind::undefined: return {};
    case Kind::dict:
    case Kind::text: break;
    default: fail("a loop over what holds nothing");
  }
  Items items;
  if (value.is(Kind::text)) {
    for (std::string_view c : characters(value.text)) items.push_back(Value::of(std::string(c)));
  } else {
    for (const auto& entry : *value.entries) items.push_back(entry.first);
  }
  return items;
}

std::int64_t length_of(const Value& value) {
  switch (value.kind) {
    case Kind::undefined: return 0;
    case Kind::text: return static_cast<std::int64_t>(characters(value.text).size());
    case Kind::list:
    case Kind::tuple: return static_cast<std::int64_t>(value.items->size());
    case Kind::dict: return static_cast<std::int64_t>(value.entries->size());
    default: fail("the length of a value that has none");
  }
}

bool contains(const Value& in, const Value& what) {
  if (in.is(Kind::text)) return in.text.find(text(what, "'in' a text")) != std::string::npos;
  const Items all = elements_of(in);
  return std::ranges::any_of(all, [&](const Value& one) { return equal(one, what); });
}

Value binary(const std::string& op, const Value& a, const Value& b) {
  if (op == "~") return Value::of(text_of(a) + text_of(b));
  for (const Value* one : {&a, &b})
    if (one->is(Kind::undefined)) fail(fmt::format("'{}' is undefined", one->text));
  if (a.is_number() && b.is_number()) return arithmetic(op, a, b);
  if (op == "+" && a.is(Kind::text) && b.is(Kind::text)) return Value::of(a.text + b.text);
  if (op == "+" && a.kind == b.kind && a.is_sequence()) {
    Items both = *a.items;
    both.insert(both.end(), b.items->begin(), b.items->end());
    return Value::list(std::move(both), a.kind);
  }
  const auto repeats = [](const Value& v) { return v.is(Kind::text) || v.is_sequence(); };
  if (op == "*" && repeats(a) && b.is(Kind::integer)) return repeated(a, b.integer);
  if (op == "*" && repeats(b) && a.is(Kind::integer)) return repeated(b, a.integer);
  if (op == "%" && a.is(Kind::text)) throw Error(Code::unsupported, "chat template", "'%' of a text");
  fail(fmt::format("'{}' between values of kinds that do not go together", op));
}

}  // namespace embscope::jinja
