#include "text/jinja.h"

#include <algorithm>
#include <ctime>
#include <memory>

#include <fmt/format.h>

#include "base/system.h"
#include "embscope/base/error.h"
#include "text/jinja_functions.h"

namespace embscope::jinja {
namespace {

using Kind = Node::Kind;
using Names = std::map<std::string, Value, std::less<>>;

constexpr std::size_t most_work = 20'000'000;  // nodes looked at, and bytes and elements made
constexpr std::size_t element = 64;            // of a list, as work
constexpr int deepest = 600;                   // of evaluations inside each other
constexpr std::int64_t most_range = 100'000;   // as Jinja's sandbox has it

struct Scope {
  Names names;
  Scope* outer = nullptr;
};

/// Changes a variable, and changes it back.
template <class T>
class For {
 public:
  For(T& place, T value) : place_(place), before_(std::exchange(place, std::move(value))) {}
  ~For() { place_ = before_; }
  For(const For&) = delete;
  For& operator=(const For&) = delete;

 private:
  T &place_, before_;
};

std::string now(const std::string& format) {
  if (format.size() > 200) fail("strftime_now with a format of more than 200 bytes");
  const std::tm local = local_time(std::time(nullptr));
  char text[4096];
  return {text, std::strftime(text, sizeof text, format.c_str(), &local)};
}

Items range_of(const Arguments& a) {
  a.at_most(3, {}, "range");
  if (a.values.empty()) fail("range takes a number");
  const bool one = a.values.size() == 1;
  const std::int64_t first = one ? 0 : a.integer(0, "start", 0), last = a.integer(one ? 0 : 1, "stop", 0),
                     step = a.integer(2, "step", 1);
  if (step == 0) fail("range with a step of 0");
  Items items;
  for (std::int64_t i = first; step > 0 ? i < last : i > last;) {
    if (static_cast<std::int64_t>(items.size()) == most_range) fail(fmt::format("range of more than {}", most_range));
    items.push_back(Value::of(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return items;
}

class Renderer {
 public:
  explicit Renderer(Names names) { root_.names = std::move(names); }

  std::string run(const Node& whole) {
    std::string out;
    execute(whole, out);
    return out;
  }

 private:
  enum class Flow { on, leave, go_on };

  void spend(std::size_t work) {
    work_ += work;
    if (work_ > most_work) fail("takes more work than any chat template needs: a loop without end?");
  }

  // What goes wrong in a statement is told with its line, once.
  Flow execute(const Node& node, std::string& out) {
    try {
      spend(1);
      const For<int> deeper(depth_, depth_ + 1);
      if (depth_ > deepest) fail("calls itself too often");
      return step(node, out);
    } catch (const Error& error) {
      if (error.message().starts_with("line ") || node.kind == Kind::block) throw;
      throw Error(error.code(), error.where(), fmt::format("line {}: {}", node.line, error.message()));
    }
  }

  Flow step(const Node& node, std::string& out) {
    switch (node.kind) {
      case Kind::absent: return Flow::on;
      case Kind::text: write(node.name, out); return Flow::on;
      case Kind::output: write(text_of(eval(node.children[0])), out); return Flow::on;
      case Kind::block:
        for (const Node& one : node.children)
          if (const Flow flow = execute(one, out); flow != Flow::on) return flow;
        return Flow::on;
      case Kind::branch: {
        const bool yes = truth_of(eval(node.children[0]));
        if (yes) return execute(node.children[1], out);
        return node.children.size() > 2 ? execute(node.children[2], out) : Flow::on;
      }
      case Kind::loop: return loop(node, out);
      case Kind::set: assign(node.names, eval(node.children[0])); return Flow::on;
      case Kind::set_attribute: set_attribute(node); return Flow::on;
      case Kind::set_block: {
        assign(node.names, Value::of(captured(node.children[0])));
        return Flow::on;
      }
      case Kind::filter_block: {
        const Value inner = Value::of(captured(node.children[0]));
        write(text_of(filter(node.name, inner, arguments(node))), out);
        return Flow::on;
      }
      case Kind::scoped: write(captured(node.children[0]), out); return Flow::on;
      case Kind::macro: {
        Value value{.kind = Value::Kind::function};
        value.text = node.name, value.macro = &node;
        scope_->names.insert_or_assign(node.name, std::move(value));
        return Flow::on;
      }
      case Kind::leave: return Flow::leave;
      case Kind::go_on: return Flow::go_on;
      default: fail("an expression where a statement belongs");
    }
  }

  void write(const std::string& text, std::string& out) {
    spend(text.size());
    out += text;
  }

  // What a block writes, with names of its own.
  std::string captured(const Node& block) {
    Scope inner{{}, scope_};
    const For<Scope*> entered(scope_, &inner);
    std::string text;
    execute(block, text);
    return text;
  }

  void assign(const std::vector<std::string>& names, const Value& value) {
    if (names.size() == 1) {
      scope_->names.insert_or_assign(names[0], value);
      return;
    }
    const Items parts = elements_of(value);
    if (parts.size() != names.size()) fail(fmt::format("{} values for {} names", parts.size(), names.size()));
    for (std::size_t i = 0; i < names.size(); ++i) scope_->names.insert_or_assign(names[i], parts[i]);
  }

  void set_attribute(const Node& node) {
    const Value target = lookup(node.names[0]);
    if (!target.is(Value::Kind::space))
      fail(fmt::format("'{}' is not a namespace: only those have attributes to set", node.names[0]));
    Value value = eval(node.children[0]);
    if (Value* known = target.space->find(node.names[1]))
      *known = std::move(value);
    else
      target.space->attributes.emplace_back(node.names[1], std::move(value));
  }

  Flow loop(const Node& node, std::string& out) {
    Items items = elements_of(eval(node.children[0]));
    spend(items.size());
    if (node.children[3].kind != Kind::absent) items = filtered(node, std::move(items));
    for (std::size_t i = 0; i < items.size(); ++i) {
      Scope inner{{}, scope_};
      const For<Scope*> entered(scope_, &inner);
      assign(node.names, items[i]);
      inner.names.insert_or_assign("loop", state(items, i));
      if (execute(node.children[1], out) == Flow::leave) return Flow::on;
    }
    return items.empty() ? execute(node.children[2], out) : Flow::on;
  }

  Items filtered(const Node& node, Items items) {
    Items kept;
    for (Value& one : items) {
      Scope inner{{}, scope_};
      const For<Scope*> entered(scope_, &inner);
      assign(node.names, one);
      if (truth_of(eval(node.children[3]))) kept.push_back(std::move(one));
    }
    return kept;
  }

  static Value state(const Items& items, std::size_t i) {
    const auto number = [](std::size_t n) { return Value::of(static_cast<std::int64_t>(n)); };
    const auto text = [](const char* name) { return Value::of(std::string(name)); };
    const std::size_t n = items.size();
    return Value::dict({{text("index"), number(i + 1)},
                        {text("index0"), number(i)},
                        {text("revindex"), number(n - i)},
                        {text("revindex0"), number(n - i - 1)},
                        {text("first"), Value::of(i == 0)},
                        {text("last"), Value::of(i + 1 == n)},
                        {text("length"), number(n)},
                        {text("depth"), number(1)},
                        {text("depth0"), number(0)},
                        {text("previtem"), i == 0 ? Value::undefined("previtem") : items[i - 1]},
                        {text("nextitem"), i + 1 == n ? Value::undefined("nextitem") : items[i + 1]}});
  }

  Value lookup(const std::string& name) const {
    for (const Scope* scope = scope_; scope != nullptr; scope = scope->outer)
      if (const auto found = scope->names.find(name); found != scope->names.end()) return found->second;
    for (const char* known : {"range", "namespace", "dict", "raise_exception", "strftime_now"}) {
      if (name != known) continue;
      Value function{.kind = Value::Kind::function};
      function.text = name;
      return function;
    }
    return Value::undefined(name);
  }

  // Expressions

  Value eval(const Node& node) {
    const For<int> deeper(depth_, depth_ + 1);
    if (depth_ > deepest) fail("calls itself too often");
    spend(1);
    Value value = value_of(node);
    if (value.is(Value::Kind::text)) spend(value.text.size());
    if (makes_lists(node.kind) && value.items != nullptr) spend(element * value.items->size());
    return value;
  }

  // Others hand on a list that there is already.
  static bool makes_lists(Kind kind) {
    return kind == Kind::list || kind == Kind::tuple || kind == Kind::slice || kind == Kind::call ||
           kind == Kind::filter || kind == Kind::binary;
  }

  Items all(const std::vector<Node>& nodes) {
    Items values;
    for (const Node& node : nodes) values.push_back(eval(node));
    return values;
  }

  Value value_of(const Node& node) {
    switch (node.kind) {
      case Kind::absent: return Value::undefined("a value that is left out");
      case Kind::literal: return node.value;
      case Kind::name: return lookup(node.name);
      case Kind::list: return Value::list(all(node.children));
      case Kind::tuple: return Value::list(all(node.children), Value::Kind::tuple);
      case Kind::dict: return dict(node);
      case Kind::attribute: return attribute(eval(node.children[0]), node.name);
      case Kind::item: {
        const Value of = eval(node.children[0]);
        return item(of, eval(node.children[1]));
      }
      case Kind::slice: {
        const Items parts = all(node.children);
        return slice(parts[0], parts[1], parts[2], parts[3]);
      }
      case Kind::call: return call(node);
      case Kind::filter: {
        const Value of = eval(node.children[0]);
        return filter(node.name, of, arguments(node));
      }
      case Kind::test: {
        const Value of = eval(node.children[0]);
        return Value::of(test(node.name, of, arguments(node)));
      }
      case Kind::negated: return Value::of(!truth_of(eval(node.children[0])));
      case Kind::minus: return binary("-", Value::of(std::int64_t{0}), eval(node.children[0]));
      case Kind::plus: return binary("+", Value::of(std::int64_t{0}), eval(node.children[0]));
      case Kind::binary: {
        const Value left = eval(node.children[0]);
        return binary(node.name, left, eval(node.children[1]));
      }
      case Kind::logical: {
        Value left = eval(node.children[0]);
        return truth_of(left) == (node.name == "or") ? left : eval(node.children[1]);
      }
      case Kind::comparison: return Value::of(compared(node));
      case Kind::choice:
        return truth_of(eval(node.children[1]))        ? eval(node.children[0])
               : node.children[2].kind == Kind::absent ? Value::undefined("the other case of an 'if'")
                                                       : eval(node.children[2]);
      default: fail("a statement where an expression belongs");
    }
  }

  Value dict(const Node& node) {
    Entries entries;
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      Value key = eval(node.children[i]);
      entries.emplace_back(std::move(key), eval(node.children[i + 1]));
    }
    return Value::dict(std::move(entries));
  }

  bool compared(const Node& node) {
    Value left = eval(node.children[0]);
    for (std::size_t i = 0; i < node.names.size(); ++i) {
      Value right = eval(node.children[i + 1]);
      const std::string& op = node.names[i];
      const bool holds = op == "in"       ? contains(right, left)
                         : op == "not in" ? !contains(right, left)
                         : op == "=="     ? equal(left, right)
                         : op == "!="     ? !equal(left, right)
                         : op == "<"      ? compare(left, right) < 0
                         : op == "<="     ? compare(left, right) <= 0
                         : op == ">"      ? compare(left, right) > 0
                                          : compare(left, right) >= 0;
      if (!holds) return false;
      left = std::move(right);
    }
    return true;
  }

  Arguments arguments(const Node& node) {
    Arguments a;
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      const Node& one = node.children[i];
      if (one.kind == Kind::keyword && one.name == "*")
        std::ranges::move(elements_of(eval(one.children[0])), std::back_inserter(a.values));
      else if (one.kind == Kind::keyword && one.name == "**")
        add_named(a, eval(one.children[0]));
      else if (one.kind == Kind::keyword)
        a.named.emplace_back(one.name, eval(one.children[0]));
      else if (!a.named.empty())
        fail("an argument by place behind one by name");
      else
        a.values.push_back(eval(one));
    }
    return a;
  }

  static void add_named(Arguments& a, const Value& dict) {
    if (!dict.is(Value::Kind::dict)) fail("arguments by ** of something that is not a dict");
    for (const auto& [key, value] : *dict.entries) a.named.emplace_back(text_of(key), value);
  }

  Value call(const Node& node) {
    const Node& callee = node.children[0];
    if (callee.kind == Kind::attribute) {
      const Value of = eval(callee.children[0]);
      if (!of.is(Value::Kind::space) && (is_method(of, callee.name) || !of.is(Value::Kind::dict)))
        return method(of, callee.name, arguments(node));
      return apply(attribute(of, callee.name), callee.name, arguments(node));
    }
    const Value function = eval(callee);
    return apply(function, callee.name, arguments(node));
  }

  Value apply(const Value& function, const std::string& name, const Arguments& a) {
    if (!function.is(Value::Kind::function))
      fail(function.is(Value::Kind::undefined) ? fmt::format("'{}' is undefined", function.text)
                                               : fmt::format("'{}' cannot be called", name));
    if (function.macro != nullptr) return expand(*function.macro, a);
    if (function.text == "range") return Value::list(range_of(a));
    if (function.text == "strftime_now") return Value::of(now(a.text(0, "format", "")));
    if (function.text == "raise_exception")
      throw Error(Code::usage, "chat template", "it refuses: " + a.text(0, "message", ""));
    Entries entries;
    if (!a.values.empty()) {
      if (a.values.size() > 1 || !a.values[0].is(Value::Kind::dict))
        fail(fmt::format("{} of something that is not a dict", function.text));
      entries = *a.values[0].entries;
    }
    for (const auto& [key, value] : a.named) entries.emplace_back(Value::of(key), value);
    return function.text == "dict" ? Value::dict(std::move(entries)) : space_of(entries);
  }

  Value space_of(const Entries& entries) {
    Value value{.kind = Value::Kind::space};
    spaces_.push_back(std::make_unique<Space>());
    value.space = spaces_.back().get();
    for (const auto& [key, one] : entries) value.space->attributes.emplace_back(text_of(key), one);
    return value;
  }

  Value expand(const Node& macro, const Arguments& a) {
    a.at_most(macro.names.size(), {macro.names.begin(), macro.names.end()}, macro.name);
    Scope inner{{}, &root_};
    const For<Scope*> entered(scope_, &inner);
    for (std::size_t i = 0; i < macro.names.size(); ++i) {
      const Value* given = a.find(i, macro.names[i]);
      const Node& otherwise = macro.children[i];
      inner.names.insert_or_assign(macro.names[i], given != nullptr                 ? *given
                                                   : otherwise.kind == Kind::absent ? Value::undefined(macro.names[i])
                                                                                    : eval(otherwise));
    }
    std::string out;
    execute(macro.children.back(), out);
    return Value::of(std::move(out));
  }

  Scope root_;
  Scope* scope_ = &root_;
  std::vector<std::unique_ptr<Space>> spaces_;
  std::size_t work_ = 0;
  int depth_ = 0;
};

}  // namespace

std::string render(const Node& whole, Names names) { return Renderer(std::move(names)).run(whole); }

}  // namespace embscope::jinja
