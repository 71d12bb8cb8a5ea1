#include "text/added_tokens.h"

#include <algorithm>

namespace embscope {

AddedTokens::AddedTokens(const Vocabulary& vocabulary) {
  const auto add = [&](Wanted& wanted, TokenId id) {
    wanted.any = true;
    wanted.by_first_byte[static_cast<unsigned char>(vocabulary.bytes(id)[0])].push_back(id);
  };
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const Vocabulary::Kind kind = vocabulary.kind(id);
    if (kind == Vocabulary::Kind::ordinary || vocabulary.length(id) == 0) continue;
    add(all_, id);
    if (kind == Vocabulary::Kind::added) add(not_special_, id);
  }
  for (Wanted* wanted : {&all_, &not_special_}) {
    for (auto& ids : wanted->by_first_byte) {
      const auto longer = [&](TokenId a, TokenId b) { return vocabulary.length(a) > vocabulary.length(b); };
      std::stable_sort(ids.begin(), ids.end(), longer);
    }
  }
}

AddedTokens::Found AddedTokens::next(const Vocabulary& vocabulary, std::string_view text, std::size_t from,
                                     bool special) const {
  const Wanted& looked_for = wanted(special);
  if (!looked_for.any) return {text.size(), Vocabulary::none};
  for (std::size_t at = from; at < text.size(); ++at) {
    for (TokenId id : looked_for.by_first_byte[static_cast<unsigned char>(text[at])]) {
      if (text.substr(at).starts_with(vocabulary.bytes(id))) return {at, id};
    }
  }
  return {text.size(), Vocabulary::none};
}

}  // namespace embscope
