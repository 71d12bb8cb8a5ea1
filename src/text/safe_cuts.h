// SafeCuts: where a text may be cut without changing its tokens, because no token reaches over: so that a text of which
// the pre-tokenizer makes one word becomes words that are met again. Thread rule: immutable once built.
#pragma once

#include <bitset>
#include <string_view>

#include "text/vocabulary.h"

namespace embscope {

class SafeCuts {
 public:
  /// Without any: `next` gives the end of the text.
  SafeCuts() = default;
  explicit SafeCuts(const Vocabulary& vocabulary);
  /// The first place behind `begin` where the text may be cut, or its end. Precondition: begin < text.size().
  std::size_t next(std::string_view text, std::size_t begin) const;

 private:
  static std::size_t pair(unsigned char left, unsigned char right) {
    return static_cast<std::size_t>(left) << 8 | right;
  }
  bool any_ = false;
  std::bitset<1 << 16> joined_;  // two bytes that stand beside each other in a token
};

}  // namespace embscope
