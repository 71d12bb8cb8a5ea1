// PieceNormalizer: what SentencePiece does to a text before it is split: the rules of a map, and those for spaces, at
// once. Bytes that are not text stay what they are. Thread rule: immutable once built.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "text/added_tokens.h"
#include "text/aligned_text.h"
#include "text/precompiled_map.h"

namespace embscope {

class PieceNormalizer {
 public:
  /// Throws Error{format} with `where` for an inconsistent map.
  PieceNormalizer(const NormalizerStep& step, const std::string& where);

  /// Whether the text is certainly unchanged.
  bool leaves(std::string_view text) const;
  /// `within`: the text is part of another, and nothing is added before or behind it.
  void apply(AlignedText& text, bool within) const;
  bool single_spaces() const { return single_spaces_; }

 private:
  // What the text begins with, and what replaces it.
  using Entry = PrecompiledMap::Entry;
  Entry first(std::string_view text) const;
  bool write_as_the_library(TextRewriter& rewriter, std::string_view text, bool within) const;
  void write_as_llama_cpp(TextRewriter& rewriter, std::string_view text, bool within) const;

  std::unique_ptr<const PrecompiledMap> map_;
  AddedTokens kept_;
  bool in_gguf_, single_spaces_, space_before_, space_behind_;
};

}  // namespace embscope
