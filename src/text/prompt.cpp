#include "embscope/text/prompt.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "embscope/base/error.h"

namespace embscope {
namespace {

// The tokens that end where an occurrence of the word ends and begin within it, in the text's order.
std::vector<int> positions_in(const Prompt& prompt, std::string_view word) {
  std::vector<int> positions;
  const auto& ranges = prompt.tokens.ranges;
  std::size_t i = 0;
  for (std::size_t at = prompt.text.find(word); at != std::string::npos; at = prompt.text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    while (i < ranges.size() && ranges[i].end < end) ++i;
    for (std::size_t k = i; k < ranges.size() && ranges[k].end == end; ++k) {
      if (ranges[k].begin < at || ranges[k].begin == end) continue;
      positions.push_back(static_cast<int>(k));
      break;
    }
  }
  return positions;
}

// The selected position: the only one, or the n-th.
int chosen(const std::vector<int>& positions, int occurrence, const std::string& where) {
  const int count = static_cast<int>(positions.size());
  if (occurrence == 0) {
    if (count == 1) return positions[0];
    throw Error(
        Code::usage, where,
        fmt::format("occurs more than once, at positions {}: say which, by its number, as occurrence [1] to [{}], "
                    "or with more words",
                    fmt::join(positions, ", "), count));
  }
  const int n = occurrence < 0 ? count + occurrence : occurrence - 1;
  if (n >= 0 && n < count) return positions[static_cast<std::size_t>(n)];
  throw Error(Code::range, where,
              fmt::format("occurrence [{}]: it occurs {} time{}, at {}", occurrence, count, count == 1 ? "" : "s",
                          fmt::join(positions, ", ")));
}

std::optional<int> whole_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// " cat[2]" -> " cat" and 2.
std::pair<std::string_view, int> with_occurrence(std::string_view name) {
  const std::size_t open = name.rfind('[');
  if (open == std::string_view::npos || open == 0 || !name.ends_with(']')) return {name, 0};
  const auto number = whole_number(name.substr(open + 1, name.size() - open - 2));
  if (!number) return {name, 0};
  if (*number == 0)
    throw Error(Code::usage, fmt::format("'{}'", visible(name)), "occurrences count from 1, or from -1 backwards");
  return {name.substr(0, open), *number};
}

}  // namespace

Prompt make_prompt(const Tokenizer& tokenizer, std::string_view text) {
  return {std::string(text), tokenizer.with_bos(text)};
}

int position_of_word(const Prompt& prompt, std::string_view word, int occurrence) {
  const std::string where = fmt::format("word '{}'", visible(word));
  if (word.empty()) throw Error(Code::usage, "word ''", "is empty: name a word of the text");
  if (prompt.text.empty() && prompt.length() > 0)
    throw Error(Code::usage, where, "the text is given as ids: name the position by its number");
  if (prompt.text.find(word) == std::string::npos)
    throw Error(Code::not_found, where, "does not occur in the text (a leading space counts)");
  std::vector<int> positions = positions_in(prompt, word);
  if (positions.empty() || occurrence != 0)
    std::ranges::copy(positions_in(prompt, " " + std::string(word)), std::back_inserter(positions));
  std::ranges::sort(positions);
  positions.erase(std::ranges::unique(positions).begin(), positions.end());
  if (positions.empty()) throw Error(Code::not_found, where, "is only part of a longer token of the text");
  return chosen(positions, occurrence, where);
}

int position_of_token(const Prompt& prompt, TokenId id, int occurrence) {
  const std::string where = fmt::format("token #{}", id);
  std::vector<int> positions;
  for (int i = 0; i < prompt.length(); ++i) {
    if (prompt.tokens.ids[static_cast<std::size_t>(i)] == id) positions.push_back(i);
  }
  if (positions.empty())
    throw Error(Code::not_found, where,
                fmt::format("does not occur in the text (position {0} is written {0} or @{0})", id));
  return chosen(positions, occurrence, where);
}

int position_of(const Prompt& prompt, std::string_view name) {
  constexpr std::string_view digits = "0123456789";
  const auto [bare, occurrence] = with_occurrence(name);
  const std::size_t first = bare.find_first_not_of('#');
  if (first != 0 && first != std::string_view::npos &&
      bare.find_first_not_of(digits, first) == std::string_view::npos) {
    if (first > 1) return position_of_word(prompt, bare.substr(1), occurrence);  // "##5" is the text "#5"
    const auto id = whole_number(bare.substr(1));
    if (!id) throw Error(Code::range, fmt::format("token '{}'", bare), "is beyond every vocabulary");
    return position_of_token(prompt, *id, occurrence);
  }
  const bool in_text = !name.empty() && prompt.text.find(name) != std::string::npos;
  if (in_text) return position_of_word(prompt, name);
  if (occurrence != 0) return position_of_word(prompt, bare, occurrence);
  const auto number = whole_number(name.substr(name.starts_with('@') ? 1 : 0));
  return number ? position_of(prompt, *number, fmt::format("position '{}'", name)) : position_of_word(prompt, name);
}

int position_of(const Prompt& prompt, int number, std::string_view where) {
  const int length = prompt.length(), position = number < 0 ? number + length : number;
  if (position >= 0 && position < length) return position;
  throw Error(Code::range, std::string(where),
              length == 0 ? "the text is empty: it has no tokens"
                          : fmt::format("position {}: the text has positions 0..{}", number, length - 1));
}

}  // namespace embscope
