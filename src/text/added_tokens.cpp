#include "text/added_tokens.h"

#include <algorithm>

#include "text/unicode.h"

namespace embscope {
namespace {

std::size_t character_before(std::string_view text, std::size_t at) {
  std::size_t begin = at - 1;
  while (begin > 0 && at - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;
  return begin + static_cast<std::size_t>(code_point(text, begin).length) == at ? begin : at - 1;
}

bool word_ends(std::string_view text, std::size_t at) {
  return at > 0 && is_word(code_point(text, character_before(text, at)).value);
}
bool word_begins(std::string_view text, std::size_t at) {
  return at < text.size() && is_word(code_point(text, at).value);
}

std::size_t spaces_before(std::string_view text, std::size_t at, std::size_t least) {
  while (at > least) {
    const std::size_t begin = character_before(text, at);
    if (begin < least || class_at(text, begin) != CharClass::space) break;
    at = begin;
  }
  return at;
}

std::size_t spaces_behind(std::string_view text, std::size_t at) {
  while (at < text.size() && class_at(text, at) == CharClass::space)
    at += static_cast<std::size_t>(code_point(text, at).length);
  return at;
}

}  // namespace

void AddedTokens::add(const Added& token, std::string_view content) {
  if (content.empty()) return;
  std::int32_t node = 0;
  for (const char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    std::int32_t next = child(node, byte);
    if (next < 0) {
      next = static_cast<std::int32_t>(nodes_.size());
      nodes_.push_back({.depth = nodes_[static_cast<std::size_t>(node)].depth + 1});
      link(node, byte, next);
    }
    node = next;
  }
  auto& here = nodes_[static_cast<std::size_t>(node)].token;
  if (here >= 0) return;  // of two equal tokens the first is used
  here = static_cast<std::int32_t>(tokens_.size());
  tokens_.push_back({token, content.size()});
  any_but_special_ = any_but_special_ || !token.special;
  begins_[static_cast<unsigned char>(content[0])] = true;
}

void AddedTokens::link(std::int32_t parent, unsigned char byte, std::int32_t node) {
  if (2 * ++edge_count_ > edges_.size()) grow();
  const std::uint64_t key = (static_cast<std::uint64_t>(parent) << 8 | byte) + 1;
  std::size_t place = hashing::place(key * hashing::odd, edges_.size());
  while (edges_[place].key != 0) place = hashing::next(place, edges_.size());
  edges_[place] = {key, node};
}

void AddedTokens::grow() {
  std::vector<Edge> before(4 * edges_.size());
  before.swap(edges_);
  for (const Edge& edge : before) {
    if (edge.key == 0) continue;
    std::size_t place = hashing::place(edge.key * hashing::odd, edges_.size());
    while (edges_[place].key != 0) place = hashing::next(place, edges_.size());
    edges_[place] = edge;
  }
}

std::int32_t AddedTokens::child(std::int32_t node, unsigned char byte) const {
  const std::uint64_t key = (static_cast<std::uint64_t>(node) << 8 | byte) + 1;
  std::size_t place = hashing::place(key * hashing::odd, edges_.size());
  while (edges_[place].key != 0 && edges_[place].key != key) place = hashing::next(place, edges_.size());
  return edges_[place].to;
}

std::int32_t AddedTokens::step(std::int32_t node, unsigned char byte) const {
  for (;;) {
    const std::int32_t next = child(node, byte);
    if (next >= 0) return next;
    if (node == 0) return 0;
    node = nodes_[static_cast<std::size_t>(node)].suffix;
  }
}

// Nodes by depth, so that a node's suffix is complete before its own children's are asked for.
void AddedTokens::finish() {
  std::vector<std::pair<std::uint64_t, std::int32_t>> edges;
  for (const Edge& edge : edges_)
    if (edge.key != 0) edges.emplace_back(edge.key - 1, edge.to);
  std::ranges::sort(
      edges, {}, [&](const auto& e) { return std::pair(nodes_[static_cast<std::size_t>(e.second)].depth, e.second); });
  for (const auto& [key, to] : edges) {
    const auto parent = static_cast<std::int32_t>(key >> 8);
    Node& node = nodes_[static_cast<std::size_t>(to)];
    node.suffix =
        parent == 0 ? 0 : step(nodes_[static_cast<std::size_t>(parent)].suffix, static_cast<unsigned char>(key & 0xff));
    node.longest = node.token >= 0 ? node.token : nodes_[static_cast<std::size_t>(node.suffix)].longest;
  }
  if (std::ranges::count(begins_, true) == 1)
    only_first_ = static_cast<int>(std::ranges::find(begins_, true) - begins_.begin());
}

std::size_t AddedTokens::skip(std::string_view text, std::size_t from) const {
  if (only_first_ >= 0) return std::min(text.find(static_cast<char>(only_first_), from), text.size());
  while (from < text.size() && !begins_[static_cast<unsigned char>(text[from])]) ++from;
  return from;
}

// The automaton's node is the longest suffix of the read text that is the beginning of a token. A match is final when
// this suffix begins after it.
AddedTokens::Match AddedTokens::match(std::string_view text, std::size_t from) const {
  Match best{0, -1};
  std::int32_t node = 0;
  for (std::size_t at = skip(text, from); at < text.size();) {
    node = step(node, static_cast<unsigned char>(text[at++]));
    const Node& here = nodes_[static_cast<std::size_t>(node)];
    if (best.token >= 0 && at - static_cast<std::size_t>(here.depth) > best.begin) return best;
    if (here.longest >= 0) {
      const std::size_t begin = at - tokens_[static_cast<std::size_t>(here.longest)].length;
      if (best.token < 0 || begin <= best.begin) best = {begin, here.longest};
    }
    if (node == 0) at = skip(text, at);
  }
  return best;
}

AddedTokens::Prefix AddedTokens::longest_prefix(std::string_view text) const {
  Prefix longest;
  std::int32_t node = 0;
  for (const char c : text) {
    node = child(node, static_cast<unsigned char>(c));
    if (node < 0) break;
    ++longest.part;
    if (nodes_[static_cast<std::size_t>(node)].token >= 0) longest.token = longest.part;
  }
  return longest;
}

AddedTokens::Found AddedTokens::Search::next() {
  while (at_ < text_.size()) {
    const Match match = tokens_.match(text_, at_);
    if (match.token < 0) break;
    const Token& token = tokens_.tokens_[static_cast<std::size_t>(match.token)];
    std::size_t begin = match.begin, end = match.begin + token.length;
    at_ = end;  // the search continues after it, whether it is used or not
    if (token.what.special && !special_(begin)) continue;
    if (token.what.single_word && (word_ends(text_, begin) || word_begins(text_, end))) continue;
    if (token.what.lstrip) begin = std::max(spaces_before(text_, begin, last_end_), last_end_);
    if (token.what.rstrip) end = spaces_behind(text_, end);
    if (begin >= end) continue;  // in white space that the previous token took
    last_end_ = end;
    return {begin, end, token.what.id};
  }
  at_ = text_.size();
  return {text_.size(), text_.size(), Vocabulary::none};
}

}  // namespace embscope
