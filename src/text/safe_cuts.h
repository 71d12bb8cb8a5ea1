// SafeCuts: where a text may be split without changing its tokens, because no token crosses the place: so a text that
// is one word for the pre-tokenizer becomes words that occur again and can be cached. Thread rule: immutable once
// built.
#pragma once

#include <bitset>
#include <string_view>

#include "text/vocabulary.h"

namespace embscope {

class SafeCuts {
 public:
  /// Without safe places: `next` returns the end of the text.
  SafeCuts() = default;
  explicit SafeCuts(const Vocabulary& vocabulary);
  /// The first place after `begin` where the text may be split, or its end. Precondition: begin < text.size().
  std::size_t next(std::string_view text, std::size_t begin) const;

 private:
  static std::size_t pair(unsigned char left, unsigned char right) {
    return static_cast<std::size_t>(left) << 8 | right;
  }
  bool any_ = false;
  std::bitset<1 << 16> joined_;  // two bytes that stand beside each other in a token
};

}  // namespace embscope
