#include "text/safe_cuts.h"

namespace embscope {

SafeCuts::SafeCuts(const Vocabulary& vocabulary) : any_(true) {
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (!vocabulary.in_model(id)) continue;
    const std::string_view bytes = vocabulary.bytes(id);
    for (std::size_t i = 1; i < bytes.size(); ++i)
      joined_.set(pair(static_cast<unsigned char>(bytes[i - 1]), static_cast<unsigned char>(bytes[i])));
  }
  for (unsigned left = 0; left < 256; ++left) {  // never within a character
    for (unsigned right = 0x80; right < 0xc0; ++right)
      joined_.set(pair(static_cast<unsigned char>(left), static_cast<unsigned char>(right)));
  }
}

std::size_t SafeCuts::next(std::string_view text, std::size_t begin) const {
  if (!any_) return text.size();
  std::size_t at = begin + 1;
  auto left = static_cast<unsigned char>(text[begin]);
  for (; at < text.size(); ++at) {
    const auto right = static_cast<unsigned char>(text[at]);
    if (!joined_[pair(left, right)]) break;
    left = right;
  }
  return at;
}

}  // namespace embscope
