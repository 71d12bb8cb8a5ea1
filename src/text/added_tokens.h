// Added tokens: they are found in the text as written, before it is split into words; of those that begin first the
// longest is used, as in Hugging Face's tokenizers. With an automaton (Aho and Corasick 1975), so that the time depends
// only on the length of the text. Thread rule: immutable once built.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace embscope {

class AddedTokens {
 public:
  using Added = TokenizerSpec::Added;
  void add(const Added& token, std::string_view content);
  /// Call it after all tokens are added.
  void finish();
  bool empty() const { return tokens_.empty(); }
  bool any_but_special() const { return any_but_special_; }
  /// The lengths of the longest token, special or not, that the text begins with, and of the longest beginning of one.
  struct Prefix {
    std::size_t token = 0, part = 0;
  };
  Prefix longest_prefix(std::string_view text) const;

  struct Found {
    std::size_t begin, end;  ///< including white space that belongs to the token, even if the next token begins in it
    TokenId id;              ///< Vocabulary::none, at the end of the text, if there are no more
  };
  /// Finds one after the other in a text. Special tokens for whose first byte `special` says no are plain text.
  class Search {
   public:
    using Special = std::function<bool(std::size_t begin)>;
    Search(const AddedTokens& tokens, std::string_view text, Special special)
        : tokens_(tokens), text_(text), special_(std::move(special)) {}
    Found next();

   private:
    const AddedTokens& tokens_;
    std::string_view text_;
    Special special_;
    std::size_t at_ = 0, last_end_ = 0;  // where the search continues; where the last returned token ended
  };

 private:
  struct Token {
    Added what;
    std::size_t length;
  };
  struct Node {
    std::int32_t token = -1;    // that ends here
    std::int32_t longest = -1;  // that ends here, here or in a suffix of what leads here
    std::int32_t suffix = 0;    // the longest proper suffix that is a node too
    std::int32_t depth = 0;
  };
  struct Match {
    std::size_t begin;
    std::int32_t token;  // -1: none
  };
  Match match(std::string_view text, std::size_t from) const;
  std::int32_t child(std::int32_t node, unsigned char byte) const;
  std::int32_t step(std::int32_t node, unsigned char byte) const;
  std::size_t skip(std::string_view text, std::size_t from) const;
  void link(std::int32_t parent, unsigned char byte, std::int32_t node);
  void grow();

  std::vector<Token> tokens_;
  std::vector<Node> nodes_ = std::vector<Node>(1);
  struct Edge {
    std::uint64_t key = 0;  // (node << 8 | byte) + 1
    std::int32_t to = -1;
  };
  std::vector<Edge> edges_ = std::vector<Edge>(16);  // open addressing
  std::size_t edge_count_ = 0;
  std::array<bool, 256> begins_{};  // with which bytes tokens begin
  bool any_but_special_ = false;
  int only_first_ = -1;  // the only byte they begin with
};

}  // namespace embscope
