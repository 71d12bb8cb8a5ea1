#include "embscope/model/named_token.h"

#include <cctype>
#include <charconv>

#include <fmt/format.h>

namespace embscope {
namespace {

constexpr std::string_view digits = "0123456789";

// A row of the embedding matrix is what every use of a token needs; a vocabulary may have more tokens than it has rows.
void check_row(const Model& model, TokenId id, std::string_view text) {
  if (id >= 0 && id < model.config().vocab) return;
  throw Error(Code::range, fmt::format("token '{}'", visible(text)),
              fmt::format("the embedding matrix has rows 0:{}", model.config().vocab));
}

NamedToken by_id(const Model& model, std::string_view text) {
  TokenId id = -1;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) id = -1;
  check_row(model, id, text);
  return {std::string(text), id, {id}, NamedToken::Read::by_id};
}

// "##5" and "###5", but not "##" or "##a": these are words as they stand.
bool is_escaped(std::string_view text) {
  const std::size_t first = text.find_first_not_of('#');
  return first >= 2 && first != std::string_view::npos &&
         text.find_first_not_of(digits, first) == std::string_view::npos;
}

bool names_id(std::string_view text) {
  if (text.size() < 2 || text[0] != '#') return false;
  const std::size_t first = text[1] == '-' || text[1] == '+' ? 2 : 1;  // a sign is refused as an id, not read as a word
  return first < text.size() && text.find_first_not_of(digits, first) == std::string_view::npos;
}

}  // namespace

NamedToken word_named(const Model& model, std::string_view word) {
  if (word.empty()) throw Error(Code::usage, "word", "a word is empty");
  NamedToken token{std::string(word), 0, model.tokenizer().encode_within(word).ids, NamedToken::Read::as_written};
  const bool space_before = std::isspace(static_cast<unsigned char>(word[0])) != 0;
  if (!token.single() && !space_before) {
    auto spaced = model.tokenizer().encode_within(" " + token.text).ids;
    if (spaced.size() == 1) token.pieces = std::move(spaced), token.read = NamedToken::Read::with_space;
  }
  if (token.pieces.empty()) throw Error(Code::not_found, fmt::format("word '{}'", visible(word)), "has no token");
  token.id = token.pieces.back();
  check_row(model, token.id, word);
  return token;
}

NamedToken token_named(const Model& model, std::string_view text) {
  if (names_id(text)) return by_id(model, text);
  if (!is_escaped(text)) return word_named(model, text);
  NamedToken token = word_named(model, text.substr(1));
  token.text = text;
  return token;
}

std::vector<TokenId> ids_named(const Model& model, std::span<const std::string> texts) {
  std::vector<TokenId> ids;
  ids.reserve(texts.size());
  for (const std::string& text : texts) ids.push_back(token_named(model, text).id);
  return ids;
}

std::string reading(const Model& model, const NamedToken& token) {
  const std::string label = model.label(token.id);
  if (token.read == NamedToken::Read::by_id) return fmt::format("{}: token {}", label, token.id);
  if (token.read == NamedToken::Read::with_space) return fmt::format("{}: the word with its space, 1 token", label);
  if (token.single()) return fmt::format("{}: 1 token", label);
  std::string pieces;
  for (TokenId id : token.pieces) pieces += (pieces.empty() ? "" : " | ") + model.label(id);
  return fmt::format("{}: the last of {} tokens ({})", label, token.pieces.size(), pieces);
}

}  // namespace embscope
