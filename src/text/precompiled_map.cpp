#include "text/precompiled_map.h"

#include <cstring>

#include <utf8proc.h>

#include "embscope/base/error.h"
#include "text/unicode.h"

namespace embscope {
namespace {

// A unit of a Darts double array (darts-clone).
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1) == 1; }
std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7fffffff; }
std::uint32_t label_of(std::uint32_t unit) { return unit & (1u << 31 | 0xff); }
std::uint32_t offset_of(std::uint32_t unit) { return unit >> 10 << ((unit & 1u << 9) >> 6); }

std::size_t grapheme_end(std::string_view text, std::size_t at) {
  CodePoint c = code_point(text, at);
  std::int32_t state = 0;
  for (;;) {
    at += static_cast<std::size_t>(c.length);
    if (at == text.size() || c.value < 0) return at;
    const CodePoint next = code_point(text, at);
    if (next.value < 0 || utf8proc_grapheme_break_stateful(c.value, next.value, &state)) return at;
    c = next;
  }
}

}  // namespace

PrecompiledMap::PrecompiledMap(std::string_view bytes, const std::string& where) {
  std::uint32_t size = 0;
  if (bytes.size() >= 4) std::memcpy(&size, bytes.data(), 4);
  if (bytes.size() < 4 || size % 4 != 0 || size == 0 || size > bytes.size() - 4)
    throw Error(Code::format, where,
                "the precompiled map of the normalizer is damaged: its trie is longer than the map");
  trie_.resize(size / 4);
  std::memcpy(trie_.data(), bytes.data() + 4, size);
  texts_ = bytes.substr(4 + size);
}

// Calls use(entry) for the entries that the text begins with, the shortest first, as long as it returns true.
template <class Use>
void PrecompiledMap::for_entries(std::string_view text, Use use) const {
  std::size_t node = offset_of(trie_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == 0) return;
    node ^= byte;
    if (node >= trie_.size() || label_of(trie_[node]) != byte) return;
    const std::uint32_t unit = trie_[node];
    node ^= offset_of(unit);
    if (node >= trie_.size()) return;
    if (!has_leaf(unit)) continue;
    const std::size_t at = value_of(trie_[node]);
    if (at >= texts_.size()) return;
    const std::string_view rest = std::string_view(texts_).substr(at);
    if (!use(Entry{i + 1, rest.substr(0, rest.find('\0'))})) return;
  }
}

// The replacement of the shortest prefix of the text that has an entry: as in the reference, it replaces the whole
// text.
std::optional<std::string_view> PrecompiledMap::replacement(std::string_view text) const {
  std::optional<std::string_view> with;
  for_entries(text, [&](const Entry& entry) { return with = entry.with, false; });
  return with;
}

std::optional<PrecompiledMap::Entry> PrecompiledMap::longest(std::string_view text) const {
  std::optional<Entry> longest;
  for_entries(text, [&](const Entry& entry) { return longest = entry, true; });
  return longest;
}

void PrecompiledMap::write(TextRewriter& rewriter, std::string_view text, std::size_t begin, std::size_t end) const {
  const auto with = replacement(text.substr(begin, end - begin));
  with ? rewriter.replace(begin, end, *with) : rewriter.keep(begin, end);
}

void PrecompiledMap::apply(AlignedText& text) const {
  constexpr std::size_t longest_whole = 5;
  const std::string_view bytes = text.bytes;
  TextRewriter rewriter(text);
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = grapheme_end(bytes, at);
    if (end - at <= longest_whole && replacement(bytes.substr(at, end - at))) {
      write(rewriter, bytes, at, end);
      at = end;
    }
    while (at < end) {
      const std::size_t next = at + static_cast<std::size_t>(code_point(bytes, at).length);
      write(rewriter, bytes, at, next);
      at = next;
    }
  }
  text = rewriter.take();
}

}  // namespace embscope
