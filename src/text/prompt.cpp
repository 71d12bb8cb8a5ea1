#include "embscope/prompt.h"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "embscope/error.h"

namespace embscope {
namespace {

// The token that ends where the word at `at` ends and begins within it, or -1.
int token_ending(const Tokens& tokens, std::size_t at, std::size_t size) {
  for (std::size_t i = 0; i < tokens.ranges.size(); ++i) {
    if (tokens.ranges[i].end == at + size && tokens.ranges[i].begin >= at) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

Prompt make_prompt(const Tokenizer& tokenizer, std::string_view text) {
  return {std::string(text), tokenizer.with_bos(text)};
}

int position_of(const Prompt& prompt, std::string_view word) {
  const std::string where = fmt::format("word '{}'", visible(word));
  if (word.empty()) throw Error(Code::usage, "word ''", "is empty: name a word of the text");
  if (prompt.text.empty() && prompt.length() > 0)
    throw Error(Code::usage, where, "the text is given as ids: name the position by its number");
  std::vector<int> positions;
  bool occurs = false;
  for (std::size_t at = prompt.text.find(word); at != std::string::npos; at = prompt.text.find(word, at + 1)) {
    occurs = true;
    if (const int token = token_ending(prompt.tokens, at, word.size()); token >= 0) positions.push_back(token);
  }
  if (!occurs) throw Error(Code::not_found, where, "does not occur in the text (a leading space counts)");
  if (positions.empty()) throw Error(Code::not_found, where, "is only part of a longer token of the text");
  if (positions.size() > 1) {
    throw Error(Code::usage, where,
                fmt::format("occurs more than once, at positions {}: say which, by its number or with more words",
                            fmt::join(positions, ", ")));
  }
  return positions[0];
}

int position_of(const Prompt& prompt, int number, std::string_view where) {
  const int length = prompt.length(), position = number < 0 ? number + length : number;
  if (position >= 0 && position < length) return position;
  throw Error(Code::range, std::string(where),
              length == 0 ? "the text is empty: it has no tokens"
                          : fmt::format("position {}: the text has positions 0..{}", number, length - 1));
}

}  // namespace embscope
