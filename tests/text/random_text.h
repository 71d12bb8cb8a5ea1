// Random mixtures of what pre-tokenizers tell apart.
#pragma once

#include <random>
#include <string>
#include <string_view>

namespace embscope {

/// Characters of all classes, of one to four bytes, and bytes that are not text. The pieces are put together in runs,
/// so that long words, long white space and every kind of border come about.
inline std::string random_text(std::mt19937& random, std::size_t pieces) {
  using namespace std::string_view_literals;
  static constexpr std::string_view kinds[] = {
      "a",
      "Z",
      "s",
      "t",
      "re",
      "LL",
      "é",
      "я",
      "漢",
      "𝔘",
      "ſ",
      "ǅ",
      "Ж",
      "ʰ",
      "ª",  // letters
      "0",
      "7",
      "½",
      "٣",
      "Ⅷ",
      "𝟙",  // numbers
      " ",
      " ",
      " ",
      "\n",
      "\r",
      "\t",
      "\v",
      "\u00a0",
      "\u2003",
      "\u0085",  // white space
      ".",
      "(",
      "_",
      "/",
      "'",
      "'",
      "\0"sv,
      "\x1f",
      "\x7f",
      "€",
      "🎉",
      "\u0301",
      "\u0903",
      "\u200d",
      "\xff",
      "\x80",
      "\xc0",
      "\xe2\x82",
      "\xed\xa0\x80",
      "\xf0\x9f",
      "\xf4\x90\x80\x80",  // no UTF-8
  };
  std::string text;
  for (std::size_t i = 0; i < pieces; ++i) {
    const std::string_view piece = kinds[random() % std::size(kinds)];
    const std::size_t times = random() % 4 == 0 ? 1 + random() % 20 : 1;
    for (std::size_t k = 0; k < times; ++k) text += piece;
  }
  return text;
}

}  // namespace embscope
