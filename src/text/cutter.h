// Cutter: splits a text into words step by step, as Hugging Face's pre-tokenizers do, with any steps.
// Thread rule: immutable once built.
#pragma once

#include <vector>

#include "text/aligned_text.h"
#include "text/pattern.h"

namespace embscope {

/// Half-open range of bytes.
struct Part {
  std::size_t begin, end;
};

class Cutter {
 public:
  /// Throws Error{format} with `where` for an invalid pattern.
  Cutter(const std::vector<CutStep>& steps, const std::string& where);
  bool empty() const { return steps_.empty(); }

  /// The words of a text; the text between them is removed. A step may change the text. `within`: it is part of another
  /// text, and nothing is added before it.
  std::vector<Part> cut(AlignedText& text, bool within) const;

 private:
  struct Step {
    CutStep what;
    Pattern pattern;
  };
  std::vector<Step> steps_;
};

/// Replaces every mark in the parts by a space, as in the vocabulary.
void unmark(AlignedText& text, std::vector<Part>& parts, std::string_view mark);
void put_in_front(AlignedText& text, std::string_view what);

}  // namespace embscope
