// Normalizer: changes a text before it is split, step by step, as Hugging Face's normalizers do.
// Thread rule: immutable once built.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/aligned_text.h"
#include "text/pattern.h"

namespace embscope {

class Normalizer {
 public:
  /// Throws Error{format} with `where` for an invalid pattern or an inconsistent map.
  Normalizer(const std::vector<NormalizerStep>& steps, const std::string& where);
  ~Normalizer();
  Normalizer(Normalizer&&) noexcept;
  bool empty() const { return steps_.empty(); }
  /// Whether added tokens are found in the changed text as they are written: SentencePiece's rules leave them.
  bool leaves_tokens() const;
  /// Whether no text begins with a space, as SentencePiece can have it.
  bool removes_first_spaces() const;

  /// Whether the text is certainly unchanged, which is faster to check than to normalize.
  bool leaves(std::string_view text) const;
  /// `within`: the text is part of another, and nothing is added before it.
  void apply(AlignedText& text, bool within = false) const;
  std::string apply(std::string_view text) const;

 private:
  struct Step;
  std::vector<Step> steps_;
};

}  // namespace embscope
