// AlignedText: a text that was changed on its way to the tokens, with the place in the source of each boundary between
// two bytes. A boundary within what was replaced is where that begins in the source, so that of several tokens made of
// one replaced character the last has its range, and those before it an empty one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace embscope {

struct AlignedText {
  std::string bytes;
  std::vector<std::uint64_t> at;  // [bytes.size() + 1]

  /// As it stands in the source, from byte `begin` there.
  static AlignedText of(std::string_view text, std::uint64_t begin);
};

/// Writes a changed text, from left to right.
class TextRewriter {
 public:
  explicit TextRewriter(const AlignedText& from) : from_(from) { out_.at.push_back(from.at.front()); }
  /// What lies from `begin`, at the last one's end, to `end` stays as it is.
  void keep(std::size_t begin, std::size_t end);
  /// It becomes `with`.
  void replace(std::size_t begin, std::size_t end, std::string_view with);
  std::size_t size() const { return out_.bytes.size(); }
  AlignedText take() { return std::move(out_); }

 private:
  const AlignedText& from_;
  AlignedText out_;
};

}  // namespace embscope
