// AlignedText: a text that was changed before tokenization, with the source position of each boundary between two
// bytes. A boundary within replaced text has the position where that begins in the source, so if several tokens are
// made of one replaced character, the last has its range and the others have an empty one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace embscope {

struct AlignedText {
  std::string bytes;
  std::vector<std::uint64_t> at;  // [bytes.size() + 1]
  /// False if what stands at the beginning was put in place of several characters: Hugging Face's tokenizers give it
  /// the place of the last of them, which is not the beginning of the source.
  bool opens = true;

  /// An unchanged part of the source, from byte `begin` there.
  static AlignedText of(std::string_view text, std::uint64_t begin);
};

/// Writes a changed text, from left to right.
class TextRewriter {
 public:
  explicit TextRewriter(const AlignedText& from) : from_(from) {
    out_.at.push_back(from.at.front());
    out_.opens = from.opens;
  }
  /// Copies `begin`, the end of the previous part, to `end` unchanged.
  void keep(std::size_t begin, std::size_t end);
  /// Replaces it by `with`.
  void replace(std::size_t begin, std::size_t end, std::string_view with);
  std::size_t size() const { return out_.bytes.size(); }
  AlignedText take() { return std::move(out_); }

 private:
  const AlignedText& from_;
  AlignedText out_;
};

}  // namespace embscope
