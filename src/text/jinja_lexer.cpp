#include "text/jinja_lexer.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <utf8proc.h>

#include "text/jinja_value.h"

namespace embscope::jinja {
namespace {

using Kind = Token::Kind;

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Line ends as "\n"; the last one is dropped, as keep_trailing_newline=False has it.
std::string with_plain_lines(std::string_view source) {
  std::string out;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r')
      out += source[i];
    else
      out += '\n', i += i + 1 < source.size() && source[i + 1] == '\n' ? 1 : 0;
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(with_plain_lines(source)) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) {
      const std::size_t tag = next_tag();
      take_text(tag);
      if (tag == std::string::npos) break;
      const char kind = source_[tag + 1];
      at_ = tag + 2;
      if (at_ < source_.size() && (source_[at_] == '-' || source_[at_] == '+')) ++at_;
      kind == '#' ? comment() : this->tag(kind == '{');
    }
    add(Kind::end, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const { fail(fmt::format("line {}: {}", line_, what)); }
  void add(Kind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }
  std::string_view rest() const { return std::string_view(source_).substr(at_); }

  std::size_t next_tag() const {
    for (std::size_t i = at_; (i = source_.find('{', i)) != std::string::npos; ++i)
      if (i + 1 < source_.size() && std::string_view("{%#").find(source_[i + 1]) != std::string_view::npos) return i;
    return std::string::npos;
  }

  // The text before a tag, less what the tag strips.
  void take_text(std::size_t tag) {
    const bool last = tag == std::string::npos;
    std::string text = source_.substr(at_, last ? std::string::npos : tag - at_);
    const auto lines = static_cast<int>(std::ranges::count(text, '\n'));
    if (!last) {
      const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
      const std::size_t start = text.rfind('\n') + 1;  // npos + 1 = 0
      if (sign == '-') {
        while (!text.empty() && is_space(text.back())) text.pop_back();
      } else if (sign != '+' && source_[tag + 1] != '{' && (start > 0 || line_starting_) &&
                 std::all_of(text.begin() + static_cast<std::ptrdiff_t>(start), text.end(), is_space)) {
        text.resize(start);
      }
    }
    if (!text.empty()) add(Kind::text, text);
    line_ += lines;
  }

  // What follows the end of a tag: "-" strips all white space, a block otherwise the end of its line.
  void end_of_tag(bool strips, bool trims) {
    const std::size_t before = at_;
    if (strips) {
      while (at_ < source_.size() && is_space(source_[at_])) ++at_;
    } else if (trims && at_ < source_.size() && source_[at_] == '\n') {
      ++at_;
    }
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(before),
                                         source_.begin() + static_cast<std::ptrdiff_t>(at_), '\n'));
    line_starting_ = at_ > before && source_[at_ - 1] == '\n';
  }

  void comment() {
    const std::size_t end = source_.find("#}", at_);
    if (end == std::string::npos) refuse("a comment is not closed");
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    const char sign = source_[end - 1];
    at_ = end + 2;
    end_of_tag(sign == '-', sign != '+');
  }

  void tag(bool output) {
    add(output ? Kind::begin_output : Kind::begin_block, "");
    const std::string_view end = output ? "}}" : "%}";
    std::string open;  // brackets
    while (true) {
      skip_spaces();
      if (at_ >= source_.size()) refuse("a tag is not closed");
      const bool strips = rest()[0] == '-', keeps = rest()[0] == '+' && !output;
      if (open.empty() && rest().substr(strips || keeps ? 1 : 0).starts_with(end)) {
        at_ += (strips || keeps ? 1U : 0U) + 2;
        add(output ? Kind::end_output : Kind::end_block, "");
        return end_of_tag(strips, !output && !keeps);
      }
      word(open);
    }
  }

  void skip_spaces() {
    for (; at_ < source_.size() && is_space(source_[at_]); ++at_) line_ += source_[at_] == '\n' ? 1 : 0;
  }

  void word(std::string& open) {
    const char c = source_[at_];
    if (c == '\'' || c == '"') return string(c);
    if (is_digit(c)) return number();
    if (is_name(c)) {
      const std::size_t start = at_;
      while (at_ < source_.size() && is_name(source_[at_])) ++at_;
      return add(Kind::name, source_.substr(start, at_ - start));
    }
    for (std::string_view op : {"//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<",
                                ">",  "=",  "(",  ")",  "[",  "]",  "{", "}", ".", ",", ":", "|"}) {
      if (!rest().starts_with(op)) continue;
      balance(op, open);
      at_ += op.size();
      return add(Kind::op, std::string(op));
    }
    refuse(fmt::format("a character '{}' that is not understood",
                       is_space(c) || static_cast<unsigned char>(c) < 0x20 ? '?' : c));
  }

  void balance(std::string_view op, std::string& open) const {
    if (op == "(" || op == "[" || op == "{") open += op == "(" ? ')' : op == "[" ? ']' : '}';
    if (op != ")" && op != "]" && op != "}") return;
    if (open.empty() || open.back() != op[0]) refuse(fmt::format("unexpected '{}'", op));
    open.pop_back();
  }

  void number() {
    const std::size_t start = at_;
    const auto digits = [&] {
      while (at_ < source_.size() && (is_digit(source_[at_]) || source_[at_] == '_')) ++at_;
    };
    digits();
    bool real = false;
    if (at_ + 1 < source_.size() && source_[at_] == '.' && is_digit(source_[at_ + 1])) real = true, ++at_, digits();
    if (at_ < source_.size() && (source_[at_] == 'e' || source_[at_] == 'E')) {
      real = true, ++at_;
      if (at_ < source_.size() && (source_[at_] == '+' || source_[at_] == '-')) ++at_;
      digits();
    }
    if (at_ < source_.size() && is_name(source_[at_])) refuse("a number that is not understood");
    std::string text = source_.substr(start, at_ - start);
    std::erase(text, '_');
    add(real ? Kind::real : Kind::integer, text);
  }

  void string(char mark) {
    const int line = line_;
    std::string text;
    for (++at_; at_ < source_.size() && source_[at_] != mark; ++at_) {
      line_ += source_[at_] == '\n' ? 1 : 0;
      source_[at_] == '\\' ? escape(text) : text.push_back(source_[at_]);
    }
    if (at_ >= source_.size()) line_ = line, refuse("a text in quotes is not closed");
    ++at_;
    add(Kind::string, text);
  }

  // As Python's unicode-escape; what it does not know stays as it is.
  void escape(std::string& text) {
    constexpr std::string_view marks = "ntrabfv0\\'\"", meant = "\n\t\r\a\b\f\v\0\\'\"";
    static_assert(marks.size() == 11);
    if (at_ + 1 >= source_.size()) return;
    const char c = source_[++at_];
    if (c == '\n') return;
    if (const std::size_t known = marks.find(c); known != std::string_view::npos && known != 7) {
      text += known < 7 ? meant[known] : c;
      return;
    }
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0) {
      if (is_digit(c) || c == 'N') refuse(fmt::format("an escape '\\{}' that is not read", c));
      text += '\\', text += c;
      return;
    }
    std::uint32_t code = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char digit = ++at_ < source_.size() ? source_[at_] : '?';
      if (std::isxdigit(static_cast<unsigned char>(digit)) == 0) refuse("an escape with too few digits");
      code = code * 16 + static_cast<std::uint32_t>(is_digit(digit) ? digit - '0' : (digit | 32) - 'a' + 10);
    }
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) refuse("an escape that is not a character");
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t count = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes);
    text.append(bytes, bytes + count);
  }

  std::string source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view source) { return Lexer(source).run(); }

}  // namespace embscope::jinja
