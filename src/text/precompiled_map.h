// PrecompiledMap: SentencePiece's normalization rules as stored in its models: a double-array trie (Darts) of the
// replaced texts, and their replacements. Read as in Hugging Face's tokenizers.
// Thread rule: immutable once built.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/aligned_text.h"

namespace embscope {

class PrecompiledMap {
 public:
  /// Throws Error{format} with `where` for bytes that are not such a map.
  PrecompiledMap(std::string_view bytes, const std::string& where);
  void apply(AlignedText& text) const;

 private:
  std::optional<std::string_view> replacement(std::string_view text) const;
  void write(TextRewriter& rewriter, std::string_view text, std::size_t begin, std::size_t end) const;
  std::vector<std::uint32_t> trie_;
  std::string texts_;  // each ended by a zero byte
};

}  // namespace embscope
