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
  /// As Hugging Face's tokenizers do it.
  void apply(AlignedText& text) const;

  /// The longest text with an entry that `text` begins with, and what replaces it.
  struct Entry {
    std::size_t length;
    std::string_view with;
  };
  std::optional<Entry> longest(std::string_view text) const;

 private:
  template <class Use>
  void for_entries(std::string_view text, Use use) const;
  std::optional<std::string_view> replacement(std::string_view text) const;
  void write(TextRewriter& rewriter, std::string_view text, std::size_t begin, std::size_t end) const;
  std::vector<std::uint32_t> trie_;
  std::string texts_;  // each ended by a zero byte
};

}  // namespace embscope
