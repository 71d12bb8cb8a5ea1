#include "text/unigram.h"

#include <algorithm>

#include "text/unicode.h"

namespace embscope {
namespace {

// SentencePiece's penalty for a character without a token, below the least score of all.
constexpr double penalty = 10;

// SentencePiece begins anew with a sum of 0 behind such a one, which single precision would round too much.
constexpr double least_sum = -100'000;

std::size_t bytes_of(const Vocabulary& vocabulary) {
  std::size_t bytes = 0;
  for (TokenId id = 0; id < vocabulary.size(); ++id) bytes += vocabulary.length(id);
  return bytes;
}

}  // namespace

Unigram::Unigram(const Vocabulary& vocabulary, std::span<const double> scores, TokenId unknown,
                 const TokenizerSpec& spec)
    : vocabulary_(vocabulary),
      scores_(scores),
      unknown_(unknown),
      single_precision_(spec.single_precision),
      prefixes_(bytes_of(vocabulary)) {
  unknown_score_ = spec.unknown_score.value_or(scores.empty() ? 0 : *std::ranges::min_element(scores) - penalty);
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (!vocabulary.in_model(id)) continue;
    longest_ = std::max(longest_, vocabulary.length(id));
    prefixes_.add(vocabulary.bytes(id));
  }
}

// The sums of what ends in the reach of a token, without that of the first.
void Unigram::begin_anew(std::span<Best> ends) const {
  const double base = ends[0].score;
  for (Best& best : ends.first(std::min(ends.size(), longest_ + 1)))
    if (best.from != std::string_view::npos) best.score = rounded(best.score - base);
}

std::vector<ScoredSymbol> Unigram::best(std::string_view word) const {
  std::vector<Best> ends(word.size() + 1);
  ends[0].from = 0;
  const auto offer = [&](std::size_t end, double sum, std::size_t from, TokenId id) {
    const double score = rounded(sum);
    Best& best = ends[end];
    if (best.from == std::string_view::npos || score > best.score) best = {score, from, id};
  };
  for (std::size_t at = 0; at < word.size();) {
    if (single_precision_ && ends[at].score < least_sum) begin_anew(std::span(ends).subspan(at));
    const auto character = static_cast<std::size_t>(code_point(word, at).length);
    const double before = ends[at].score;
    bool single = false;
    PrefixFilter::Walk walk;
    for (std::size_t end = at; end < word.size();) {
      walk.step(word[end++]);
      if (!prefixes_.may_begin(walk)) break;
      if (!prefixes_.may_be_whole(walk)) continue;
      const TokenId id = vocabulary_.find_in_model(word.substr(at, end - at));
      if (id == Vocabulary::none) continue;
      offer(end, scores_[static_cast<std::size_t>(id)] + before, at, id == unknown_ ? Vocabulary::none : id);
      single = single || end - at == character;
    }
    if (!single) offer(at + character, unknown_score_ + before, at, Vocabulary::none);
    at += character;
  }
  std::vector<ScoredSymbol> out;
  for (std::size_t end = word.size(); end > 0; end = ends[end].from) {
    const auto length = static_cast<std::uint32_t>(end - ends[end].from);
    if (ends[end].id == Vocabulary::none && !out.empty() && out.back().id == Vocabulary::none)
      out.back().length += length;
    else
      out.push_back({ends[end].id, length});
  }
  std::ranges::reverse(out);
  return out;
}

}  // namespace embscope
