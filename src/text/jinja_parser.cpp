#include "text/jinja_parser.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "embscope/base/error.h"
#include "text/jinja_lexer.h"

namespace embscope::jinja {
namespace {

using Kind = Node::Kind;
using TokenKind = Token::Kind;

constexpr int deepest = 100;  // of brackets and blocks
constexpr int longest = 200;  // row of operators, which is a tree as deep

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokens_of(source)) {}

  Node run() {
    Node whole = block({});
    if (here().kind != TokenKind::end) refuse("a tag closes what was not opened");
    return whole;
  }

 private:
  /// One level deeper while it lives.
  class Nested {
   public:
    explicit Nested(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > deepest) parser_.refuse(fmt::format("more than {} levels inside each other", deepest));
    }
    ~Nested() { --parser_.depth_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    Parser& parser_;
  };

  [[noreturn]] void refuse(const std::string& what, Code code = Code::format) const {
    throw Error(code, "chat template", fmt::format("line {}: {}", here().line, what));
  }
  const Token& here() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool is(TokenKind kind, std::string_view text) const { return here().kind == kind && here().text == text; }
  bool is_op(std::string_view text) const { return is(TokenKind::op, text); }
  bool is_word(std::string_view text) const { return is(TokenKind::name, text); }
  bool take(TokenKind kind, std::string_view text) {
    if (!is(kind, text)) return false;
    ++at_;
    return true;
  }
  bool take_op(std::string_view text) { return take(TokenKind::op, text); }
  bool take_word(std::string_view text) { return take(TokenKind::name, text); }
  void expect_op(std::string_view text) {
    if (!take_op(text)) refuse(fmt::format("expected '{}'", text));
  }
  void expect(TokenKind kind, const char* what) {
    if (here().kind != kind) refuse(fmt::format("expected {}", what));
    ++at_;
  }
  std::string word() {
    if (here().kind != TokenKind::name) refuse("expected a name");
    return tokens_[at_++].text;
  }
  Node node(Kind kind, std::vector<Node> children = {}, std::string name = "") const {
    return {.kind = kind,
            .line = here().line,
            .name = std::move(name),
            .value = {},
            .names = {},
            .children = std::move(children)};
  }

  // Statements

  // Up to a tag whose first word is one of `ends` (which stays), or to the end of the template.
  Node block(std::initializer_list<std::string_view> ends) {
    const Nested nested(*this);
    Node out = node(Kind::block);
    while (here().kind != TokenKind::end) {
      if (here().kind == TokenKind::text) {
        out.children.push_back(node(Kind::text, {}, here().text));
        ++at_;
      } else if (here().kind == TokenKind::begin_output) {
        ++at_;
        Node output = node(Kind::output);
        output.children.push_back(tuple_or_one());
        expect(TokenKind::end_output, "'}}'");
        out.children.push_back(std::move(output));
      } else {
        if (std::ranges::find(ends, ahead().text) != ends.end()) return out;
        ++at_;
        out.children.push_back(statement());
      }
    }
    if (ends.size() > 0) refuse(fmt::format("expected '{}'", fmt::join(ends, "' or '")));
    return out;
  }

  void end_block() { expect(TokenKind::end_block, "'%}'"); }
  void closing(std::string_view end) {
    ++at_;  // the tag's beginning: `block` has seen what follows
    if (!take_word(end)) refuse(fmt::format("expected '{}'", end));
    end_block();
  }

  Node statement() {
    const std::string what = word();
    if (what == "if") return branch();
    if (what == "for") return loop();
    if (what == "set") return set();
    if (what == "macro") return macro();
    if (what == "generation") {  // transformers' own: marks what the model has said
      end_block();
      return of(Kind::scoped, body("endgeneration"));
    }
    if (what == "filter") return filter_block();
    if (what == "break" || what == "continue") {
      if (loops_ == 0) refuse(fmt::format("'{}' outside of a loop", what));
      end_block();
      return node(what == "break" ? Kind::leave : Kind::go_on);
    }
    --at_;
    refuse(fmt::format("a statement '{}', which is not supported", what), Code::unsupported);
  }

  // With names of its own; a loop around it does not end in it.
  Node body(std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    Node out = block({end});
    loops_ = loops;
    closing(end);
    return out;
  }

  Node filter_block() {
    Node out = node(Kind::filter_block, {}, word());
    out.children.emplace_back();
    if (take_op("(")) arguments(out);
    if (is_op("|")) refuse("a block with several filters, which is not supported", Code::unsupported);
    end_block();
    out.children[0] = body("endfilter");
    return out;
  }

  Node branch() {
    const Nested nested(*this);
    Node out = node(Kind::branch);
    out.children.push_back(tuple_or_one());
    end_block();
    out.children.push_back(block({"elif", "else", "endif"}));
    ++at_;
    if (take_word("elif")) {
      out.children.push_back(branch());
      return out;
    }
    if (take_word("else")) {
      end_block();
      out.children.push_back(block({"endif"}));
      ++at_;
    }
    if (!take_word("endif")) refuse("expected 'endif'");
    end_block();
    return out;
  }

  std::vector<std::string> targets() {
    const bool brackets = take_op("(");
    std::vector<std::string> names = {word()};
    while (take_op(",")) names.push_back(word());
    if (brackets) expect_op(")");
    return names;
  }

  Node loop() {
    Node out = node(Kind::loop);
    out.names = targets();
    if (!take_word("in")) refuse("expected 'in'");
    out.children.resize(4);
    out.children[0] = no_choice();
    if (is_op(",")) refuse("a loop over a tuple without brackets", Code::unsupported);
    if (take_word("if")) out.children[3] = expression();
    if (is_word("recursive")) refuse("a recursive loop, which is not supported", Code::unsupported);
    end_block();
    ++loops_;
    out.children[1] = block({"else", "endfor"});
    --loops_;
    if (ahead().text == "else") {
      ++at_, ++at_;
      end_block();
      out.children[2] = block({"endfor"});
    }
    closing("endfor");
    return out;
  }

  Node set() {
    Node out = node(Kind::set);
    out.names = {word()};
    if (take_op(".")) {
      out.kind = Kind::set_attribute;
      out.names.push_back(word());
    } else {
      while (take_op(",")) out.names.push_back(word());
    }
    if (take_op("=")) {
      out.children.push_back(tuple_or_one());
      end_block();
      return out;
    }
    if (is_op("|")) refuse("a set block with a filter, which is not supported", Code::unsupported);
    if (out.kind != Kind::set || out.names.size() != 1) refuse("expected '='");
    end_block();
    out.kind = Kind::set_block;
    out.children.push_back(body("endset"));
    return out;
  }

  Node macro() {
    Node out = node(Kind::macro, {}, word());
    expect_op("(");
    while (!take_op(")")) {
      if (!out.names.empty()) expect_op(",");
      out.names.push_back(word());
      out.children.push_back(take_op("=") ? expression() : Node{});
    }
    end_block();
    const int loops = std::exchange(loops_, 0);
    out.children.push_back(block({"endmacro"}));
    loops_ = loops;
    ++at_;
    if (!take_word("endmacro")) refuse("expected 'endmacro'");
    if (here().kind == TokenKind::name) ++at_;  // its name again
    end_block();
    return out;
  }

  // Expressions, from the loosest to the closest

  Node tuple_or_one() {
    Node first = expression();
    if (!is_op(",")) return first;
    Node out = node(Kind::tuple);
    out.children.push_back(std::move(first));
    while (take_op(",")) {
      if (here().kind == TokenKind::end_block || here().kind == TokenKind::end_output || is_op(")")) break;
      out.children.push_back(expression());
    }
    return out;
  }

  Node expression() {
    const Nested nested(*this);
    Node value = no_choice();
    while (take_word("if")) {
      Node condition = no_choice();
      Node otherwise = take_word("else") ? expression() : Node{};
      Node out = node(Kind::choice);
      out.children.push_back(std::move(value));
      out.children.push_back(std::move(condition));
      out.children.push_back(std::move(otherwise));
      value = std::move(out);
    }
    return value;
  }

  Node joined(Kind kind, std::string name, Node left, Node right) const {
    Node out = node(kind, {}, std::move(name));
    out.children.push_back(std::move(left));
    out.children.push_back(std::move(right));
    return out;
  }

  // Operators of one rank, from left to right.
  Node chain(Kind kind, std::initializer_list<std::string_view> ops, TokenKind token, Node (Parser::*operand)()) {
    Node left = (this->*operand)();
    for (int links = 0;; ++links) {
      const auto op = std::ranges::find_if(ops, [&](std::string_view one) { return is(token, one); });
      if (op == ops.end()) return left;
      if (links > longest) refuse(fmt::format("more than {} operators in one row", longest));
      ++at_;
      left = joined(kind, std::string(*op), std::move(left), (this->*operand)());
    }
  }

  Node no_choice() { return chain(Kind::logical, {"or"}, TokenKind::name, &Parser::conjunction); }
  Node conjunction() { return chain(Kind::logical, {"and"}, TokenKind::name, &Parser::negation); }
  Node negation() {
    const Nested nested(*this);
    if (!is_word("not") || (ahead().kind == TokenKind::name && ahead().text == "in")) return comparison();
    ++at_;
    Node out = node(Kind::negated);
    out.children.push_back(negation());
    return out;
  }

  std::string comparison_here() {
    for (std::string_view op : {"==", "!=", "<=", ">=", "<", ">"})
      if (take_op(op)) return std::string(op);
    if (take_word("in")) return "in";
    if (is_word("not") && ahead().kind == TokenKind::name && ahead().text == "in") {
      at_ += 2;
      return "not in";
    }
    return "";
  }

  Node comparison() {
    Node first = sum();
    Node out = node(Kind::comparison);
    out.children.push_back(std::move(first));
    for (std::string op = comparison_here(); !op.empty(); op = comparison_here()) {
      out.names.push_back(op);
      out.children.push_back(sum());
    }
    if (!out.names.empty()) return out;
    Node alone = std::move(out.children.front());
    return alone;
  }

  Node sum() { return chain(Kind::binary, {"+", "-"}, TokenKind::op, &Parser::concatenation); }
  Node concatenation() { return chain(Kind::binary, {"~"}, TokenKind::op, &Parser::product); }
  Node product() { return chain(Kind::binary, {"*", "/", "//", "%"}, TokenKind::op, &Parser::power); }
  Node power() {
    Node left = unary(true);
    if (is_op("**")) refuse("a power, which is not supported", Code::unsupported);
    return left;
  }

  Node unary(bool filters) {
    const Nested nested(*this);
    Node out;
    if (is_op("-") || is_op("+")) {
      out = node(is_op("-") ? Kind::minus : Kind::plus);
      ++at_;
      out.children.push_back(unary(false));
    } else {
      out = primary();
    }
    out = postfix(std::move(out));
    return filters ? filtered(std::move(out)) : std::move(out);
  }

  Node primary() {
    const Token token = here();
    Node out = node(Kind::literal);
    switch (token.kind) {
      case TokenKind::name: ++at_; return named(token.text);
      case TokenKind::string: {
        std::string text;
        for (; here().kind == TokenKind::string; ++at_) text += here().text;
        out.value = Value::of(std::move(text));
        return out;
      }
      case TokenKind::integer:
      case TokenKind::real: ++at_; return number(token);
      default: break;
    }
    if (take_op("(")) return in_brackets();
    if (take_op("[")) return list();
    if (take_op("{")) return dict();
    refuse(token.kind == TokenKind::op ? fmt::format("unexpected '{}'", token.text) : "an expression is missing");
  }

  Node named(const std::string& name) const {
    Node out = node(Kind::literal);
    if (name == "true" || name == "True")
      out.value = Value::of(true);
    else if (name == "false" || name == "False")
      out.value = Value::of(false);
    else if (name == "none" || name == "None")
      out.value = Value::none();
    else
      out.kind = Kind::name, out.name = name;
    return out;
  }

  Node number(const Token& token) const {
    Node out = node(Kind::literal);
    const char *first = token.text.data(), *last = first + token.text.size();
    std::int64_t whole = 0;
    double real = 0;
    if (token.kind == TokenKind::integer && std::from_chars(first, last, whole).ec == std::errc())
      out.value = Value::of(whole);
    else if (token.kind == TokenKind::real && std::from_chars(first, last, real).ec == std::errc())
      out.value = Value::of(real);
    else
      refuse(fmt::format("{} does not fit a number", token.text.substr(0, 40)));
    return out;
  }

  Node in_brackets() {
    if (take_op(")")) return node(Kind::tuple);
    Node inner = tuple_or_one();
    expect_op(")");
    return inner;
  }
  Node list() {
    Node out = node(Kind::list);
    while (!take_op("]")) {
      if (!out.children.empty()) {
        expect_op(",");
        if (take_op("]")) break;
      }
      out.children.push_back(expression());
    }
    return out;
  }
  Node dict() {
    Node out = node(Kind::dict);
    while (!take_op("}")) {
      if (!out.children.empty()) {
        expect_op(",");
        if (take_op("}")) break;
      }
      out.children.push_back(expression());
      expect_op(":");
      out.children.push_back(expression());
    }
    return out;
  }

  Node of(Kind kind, Node inner, std::string name = "") const {
    Node out = node(kind, {}, std::move(name));
    out.children.push_back(std::move(inner));
    return out;
  }

  Node postfix(Node out) {
    for (int links = 0;; ++links) {
      if (links > deepest) refuse(fmt::format("more than {} attributes and calls in one chain", deepest));
      if (take_op(".")) {
        out = of(Kind::attribute, std::move(out), word());
      } else if (take_op("[")) {
        out = subscript(std::move(out));
      } else if (take_op("(")) {
        out = of(Kind::call, std::move(out));
        arguments(out);
      } else {
        return out;
      }
    }
  }

  Node subscript(Node inner) {
    const auto part = [this] { return is_op(":") || is_op("]") ? Node{} : expression(); };
    Node from = part();
    if (!is_op(":")) {
      expect_op("]");
      return joined(Kind::item, "", std::move(inner), std::move(from));
    }
    Node out = of(Kind::slice, std::move(inner));
    out.children.push_back(std::move(from));
    for (int i = 0; i < 2; ++i) out.children.push_back(take_op(":") ? part() : Node{});
    expect_op("]");
    return out;
  }

  // Behind an opening bracket; named ones are `keyword`s.
  void arguments(Node& out) {
    for (bool first = true; !take_op(")"); first = false) {
      if (!first) {
        expect_op(",");
        if (take_op(")")) return;
      }
      if (is_op("*") || is_op("**")) {  // a list or a dict of arguments
        std::string stars = here().text;
        ++at_;
        out.children.push_back(of(Kind::keyword, expression(), std::move(stars)));
        continue;
      }
      const bool keyword = here().kind == TokenKind::name && ahead().kind == TokenKind::op && ahead().text == "=";
      if (!keyword) {
        out.children.push_back(expression());
        continue;
      }
      std::string name = word();
      ++at_;
      out.children.push_back(of(Kind::keyword, expression(), std::move(name)));
    }
  }

  Node filtered(Node out) {
    for (int links = 0;; ++links) {
      if (links > deepest) refuse(fmt::format("more than {} filters in one chain", deepest));
      if (take_op("|")) {
        out = of(Kind::filter, std::move(out), word());
        if (take_op("(")) arguments(out);
      } else if (take_word("is")) {
        out = test(std::move(out));
      } else if (take_op("(")) {
        out = of(Kind::call, std::move(out));
        arguments(out);
      } else {
        return out;
      }
    }
  }

  Node test(Node inner) {
    const bool negated = take_word("not");
    Node out = of(Kind::test, std::move(inner), word());
    const auto begins_value = [this] {
      const TokenKind kind = here().kind;
      if (kind == TokenKind::name)
        return std::ranges::none_of(
            std::initializer_list<std::string_view>{"else", "or", "and", "is", "if", "in", "not"},
            [this](std::string_view other) { return is_word(other); });
      return kind == TokenKind::string || kind == TokenKind::integer || kind == TokenKind::real || is_op("[") ||
             is_op("{");
    };
    if (take_op("("))
      arguments(out);
    else if (begins_value())
      out.children.push_back(postfix(primary()));
    return negated ? of(Kind::negated, std::move(out)) : out;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0, loops_ = 0;
};

}  // namespace

Node parse(std::string_view source) { return Parser(source).run(); }

}  // namespace embscope::jinja
