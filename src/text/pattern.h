// Pattern: a text or a regular expression to search for. Expressions use Oniguruma, which is also the engine of Hugging
// Face's tokenizers; they see a byte that is not text as the control character U+001A.
// Thread rule: immutable once built.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "embscope/text/tokenizer_spec.h"

namespace embscope {

class Pattern {
 public:
  /// Throws Error{format} with `where` for an invalid expression.
  Pattern(const TextPattern& pattern, const std::string& where);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  /// Calls `use` with the begin and end of each match, from left to right: no two overlap, and an empty match does not
  /// directly follow a match. Throws Error{unsupported} if the expression backtracks too much.
  void find_all(std::string_view text, const std::function<void(std::size_t, std::size_t)>& use) const;

 private:
  struct Expression;
  void find_literals(std::string_view text, const std::function<void(std::size_t, std::size_t)>& use) const;
  void find_matches(std::string_view text, const std::function<void(std::size_t, std::size_t)>& use) const;
  std::string text_, where_;
  std::unique_ptr<const Expression> expression_;  // null: search for `text_` literally
};

}  // namespace embscope
