#include "text/unigram.h"

#include <algorithm>

#include "text/unicode.h"

namespace embscope {
namespace {

// SentencePiece's penalty for a character without a token, below the least score of all.
constexpr double penalty = 10;

struct Best {
  double score = 0;
  std::size_t from = std::string_view::npos;  // npos: nothing ends here
  TokenId id = Vocabulary::none;
};

}  // namespace

Unigram::Unigram(const Vocabulary& vocabulary, std::span<const double> scores, TokenId unknown,
                 const TokenizerSpec& spec)
    : vocabulary_(vocabulary),
      scores_(scores),
      unknown_(unknown),
      single_precision_(spec.single_precision),
      lengths_(1 << 16) {
  unknown_score_ = spec.unknown_score.value_or(scores.empty() ? 0 : *std::ranges::min_element(scores) - penalty);
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (!vocabulary.in_model(id)) continue;
    const std::string_view bytes = vocabulary.bytes(id);
    longest_ = std::max(longest_, bytes.size());
    const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
    if (bytes.size() < 2) continue;
    auto& longest = lengths_[byte(0) << 8 | byte(1)];
    longest = static_cast<std::uint8_t>(std::max<std::size_t>(longest, std::min<std::size_t>(bytes.size(), 255)));
  }
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
    const auto character = static_cast<std::size_t>(code_point(word, at).length);
    const double before = ends[at].score;
    std::size_t most = 1;
    if (at + 1 < word.size()) {
      const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(word[i])); };
      most = lengths_[byte(at) << 8 | byte(at + 1)];
      most = std::min(most == 255 ? longest_ : std::max<std::size_t>(most, 1), word.size() - at);
    }
    bool single = false;
    for (std::size_t length = 1; length <= most; ++length) {
      const TokenId id = vocabulary_.find_in_model(word.substr(at, length));
      if (id == Vocabulary::none) continue;
      offer(at + length, scores_[static_cast<std::size_t>(id)] + before, at, id == unknown_ ? Vocabulary::none : id);
      single = single || length == character;
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
