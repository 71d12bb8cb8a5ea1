// A tokenizer that was accepted must be total and exact: any bytes in, the same bytes out.
#pragma once

#include "embscope/text/tokenizer.h"
#include "input.h"

namespace embscope::fuzz {

/// `exact`: the tokenizer neither changes a text nor drops any of it by its own configuration.
inline void check_tokenizer(const Tokenizer& tokenizer, std::string_view text, bool exact = true) {
  const Tokens tokens = tokenizer.encode(text);
  hold(!exact || tokenizer.decode(tokens.ids) == text, "decode(encode(text)) differs from the text");
  hold(tokenizer.encode_ids(text) == tokens.ids, "encode_ids differs from encode");
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    hold(tokens.ids[i] >= 0 && tokens.ids[i] < tokenizer.size(), "an id outside the vocabulary");
    hold(tokens.ranges[i].begin >= at && tokens.ranges[i].end >= tokens.ranges[i].begin,
         "ranges in another order than the text");
    hold(!exact || tokens.ranges[i].begin == at, "ranges with a gap");
    at = tokens.ranges[i].end;
  }
  hold(at <= text.size() && (!exact || at == text.size()), "ranges that end before the text, or behind it");
  tokenizer.encode(text, true), tokenizer.with_bos(text, true);
  for (TokenId id = 0; id < std::min<TokenId>(tokenizer.size(), 300); ++id)
    tokenizer.label(id), tokenizer.is_special(id);
}

inline void check_specification(TokenizerSpec spec, std::string_view text) {
  const bool exact = spec.byte_level && !spec.add_prefix_space && spec.normalizer.empty() && spec.cuts.empty() &&
                     std::ranges::none_of(spec.added, [](const auto& a) { return a.lstrip || a.rstrip; });
  check_tokenizer(Tokenizer(std::move(spec)), text, exact);
}

/// The 256 single characters of GPT-2's byte alphabet, in the order of their bytes, as UTF-8.
inline const std::vector<std::string>& byte_alphabet() {
  static const std::vector<std::string> letters = [] {
    std::vector<std::string> all;
    int beyond = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      const int c = plain ? byte : beyond++;
      all.push_back(c < 128 ? std::string(1, static_cast<char>(c))
                            : std::string{static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 63))});
    }
    return all;
  }();
  return letters;
}

}  // namespace embscope::fuzz
