// Added tokens: they are found in the text as they are written, before it is cut into words.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace embscope {

class AddedTokens {
 public:
  explicit AddedTokens(const Vocabulary& vocabulary);

  struct Found {
    std::size_t at;
    TokenId id;  ///< Vocabulary::none, at the end of the text, when there is no more
  };
  /// The next one from `from`, of those that start there the longest. Special ones only with `special`.
  Found next(const Vocabulary& vocabulary, std::string_view text, std::size_t from, bool special) const;

 private:
  // Those that are looked for with `special` or without it.
  struct Wanted {
    bool any = false;
    std::array<std::vector<TokenId>, 256> by_first_byte;  // longest first
  };
  const Wanted& wanted(bool special) const { return special ? all_ : not_special_; }
  Wanted all_, not_special_;
};

}  // namespace embscope
