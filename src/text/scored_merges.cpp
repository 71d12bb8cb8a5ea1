#include "text/scored_merges.h"

#include <queue>

#include "text/unicode.h"

namespace embscope {
namespace {

class ScoredWord {
 public:
  ScoredWord(const Vocabulary& vocabulary, std::span<const double> scores, std::string_view word, bool from_bytes)
      : vocabulary_(vocabulary), scores_(scores), word_(word) {
    for (std::size_t at = 0; at < word.size();) {
      const auto length = from_bytes ? std::size_t{1} : static_cast<std::size_t>(code_point(word, at).length);
      symbols_.push_back(
          {at, length, symbols_.size() - 1, symbols_.size() + 1, vocabulary.find_in_model(word.substr(at, length))});
      at += length;
    }
    for (std::size_t i = 0; i + 1 < symbols_.size(); ++i) offer(i);
  }

  std::vector<ScoredSymbol> merge() {
    while (!queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      Symbol& left = symbols_[best.left];
      if (left.length == 0 || left.next >= symbols_.size()) continue;
      Symbol& right = symbols_[left.next];
      if (left.length + right.length != best.length) continue;  // one of them has grown since
      left.length += right.length;
      left.id = best.id;
      left.next = right.next;
      right.length = 0;
      if (left.next < symbols_.size()) {
        symbols_[left.next].before = best.left;
        offer(best.left);
      }
      if (best.left > 0) offer(left.before);
    }
    std::vector<ScoredSymbol> out;
    for (const Symbol& symbol : symbols_)
      if (symbol.length > 0) out.push_back({symbol.id, static_cast<std::uint32_t>(symbol.length)});
    return out;
  }

 private:
  struct Symbol {
    std::size_t begin, length, before, next;
    TokenId id;
  };
  struct Candidate {
    double score;
    std::size_t left, length;
    TokenId id;
    bool operator<(const Candidate& other) const {
      return score < other.score || (score == other.score && left > other.left);
    }
  };

  void offer(std::size_t left) {
    const std::size_t length = symbols_[left].length + symbols_[symbols_[left].next].length;
    const TokenId id = vocabulary_.find_in_model(word_.substr(symbols_[left].begin, length));
    if (id != Vocabulary::none) queue_.push({scores_[static_cast<std::size_t>(id)], left, length, id});
  }

  const Vocabulary& vocabulary_;
  std::span<const double> scores_;
  std::string_view word_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace

std::vector<ScoredSymbol> merge_by_score(const Vocabulary& vocabulary, std::span<const double> scores,
                                         std::string_view word, bool from_bytes) {
  return ScoredWord(vocabulary, scores, word, from_bytes).merge();
}

}  // namespace embscope
