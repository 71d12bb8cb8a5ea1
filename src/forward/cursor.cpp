#include "forward/cursor.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "embscope/base/error.h"

namespace embscope {
namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

constexpr int deepest = 50;

}  // namespace

Cursor::Nested::Nested(Cursor& cursor) : cursor_(cursor) {
  if (++cursor_.depth_ > deepest) cursor_.fail(fmt::format("more than {} brackets inside each other", deepest));
}

void Cursor::fail(std::string_view what, std::size_t at) const {
  throw Error(Code::usage, "edit", fmt::format("{} at character {} of \"{}\"", what, at + 1, text_));
}

char Cursor::peek() {
  while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  return at_ < text_.size() ? text_[at_] : '\0';
}

bool Cursor::done() { return peek() == '\0' && at_ >= text_.size(); }

bool Cursor::accept(char c) {
  if (peek() != c || at_ >= text_.size()) return false;
  ++at_;
  return true;
}

void Cursor::expect(char c) {
  if (!accept(c)) fail(fmt::format("expected '{}'", c));
}

std::string_view Cursor::until(std::string_view stops) {
  const std::size_t end = std::min(text_.find_first_of(stops, at_), text_.size());
  const std::string_view word = text_.substr(at_, end - at_);
  at_ = end;
  return word;
}

std::string_view Cursor::name() {
  peek();
  const std::size_t start = at_;
  while (at_ < text_.size() && is_name(text_[at_])) ++at_;
  return text_.substr(start, at_ - start);
}

bool Cursor::name_ahead() {
  const char c = peek();
  return is_name(c) && !is_digit(c);
}

bool Cursor::quote_ahead() {
  const char c = peek();
  return c == '\'' || c == '"';
}

std::string_view Cursor::quoted() {
  if (!quote_ahead()) fail("expected a word in quotes");
  const std::size_t start = at_, end = text_.find(text_[at_], at_ + 1);
  if (end == std::string_view::npos) fail("the quotation is not closed", start);
  at_ = end + 1;
  return text_.substr(start + 1, end - start - 1);
}

bool Cursor::number_ahead() {
  const char c = peek();
  if (is_digit(c) || c == '.') return true;
  return (c == '-' || c == '+') && at_ + 1 < text_.size() && (is_digit(text_[at_ + 1]) || text_[at_ + 1] == '.');
}

float Cursor::number() {
  if (!number_ahead()) fail("expected a number");
  const std::size_t start = at_;
  if (text_[at_] == '+') ++at_;
  float value = 0;
  const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
  if (error != std::errc() || !std::isfinite(value)) fail("expected a number that fits", start);
  at_ = static_cast<std::size_t>(end - text_.data());
  return value;
}

int Cursor::integer() {
  peek();
  int value = 0;
  const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
  if (error != std::errc()) fail("expected a whole number");
  at_ = static_cast<std::size_t>(end - text_.data());
  return value;
}

std::vector<int> Cursor::integers() {
  std::vector<int> list;
  do list.push_back(integer());
  while (accept(','));
  return list;
}

std::uint64_t Cursor::seed() {
  peek();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
  if (error != std::errc()) fail("expected a seed from 0 to 18446744073709551615");
  at_ = static_cast<std::size_t>(end - text_.data());
  return value;
}

}  // namespace embscope
