// Cursor: reads a one-line text from left to right; what it did not expect becomes an error that names the character.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace embscope {

class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  [[noreturn]] void fail(std::string_view what) const { fail(what, at_); }
  [[noreturn]] void fail(std::string_view what, std::size_t at) const;  ///< "WHAT at character N of "TEXT""

  std::size_t at() const { return at_; }
  bool done();          ///< after spaces
  char peek();          ///< the next character that is not a space, or 0
  bool accept(char c);  ///< takes it, after spaces
  void expect(char c);
  std::string_view until(std::string_view stops);
  std::string_view name();  ///< letters, digits and underscores; may be empty
  bool name_ahead();        ///< a letter or an underscore
  bool quote_ahead();
  std::string_view quoted();  ///< what stands between ' and ' or " and "
  bool number_ahead();        ///< a digit, a point, or a sign before one
  float number();             ///< a finite one, with a sign or without
  int integer();
  std::vector<int> integers();  ///< one or more, separated by commas
  std::uint64_t seed();         ///< 0 to 2^64 - 1

  /// One level deeper in brackets while it lives; a text nested beyond any sense fails instead of filling the stack.
  class Nested {
   public:
    explicit Nested(Cursor& cursor);
    ~Nested() { --cursor_.depth_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    Cursor& cursor_;
  };

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace embscope
