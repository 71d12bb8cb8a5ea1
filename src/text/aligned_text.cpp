#include "text/aligned_text.h"

#include <numeric>

namespace embscope {

AlignedText AlignedText::of(std::string_view text, std::uint64_t begin) {
  AlignedText aligned{std::string(text), std::vector<std::uint64_t>(text.size() + 1)};
  std::iota(aligned.at.begin(), aligned.at.end(), begin);
  return aligned;
}

void TextRewriter::keep(std::size_t begin, std::size_t end) {
  out_.bytes.append(from_.bytes, begin, end - begin);
  const auto at = from_.at.begin();
  out_.at.insert(out_.at.end(), at + static_cast<std::ptrdiff_t>(begin) + 1, at + static_cast<std::ptrdiff_t>(end) + 1);
}

void TextRewriter::replace(std::size_t begin, std::size_t end, std::string_view with) {
  if (with.empty()) {  // what is left out belongs to what stands before it; at the end of the text to nothing
    if (end < from_.bytes.size()) out_.at.back() = from_.at[end];
    return;
  }
  out_.bytes += with;
  out_.at.insert(out_.at.end(), with.size() - 1, from_.at[begin]);
  out_.at.push_back(from_.at[end]);
}

}  // namespace embscope
