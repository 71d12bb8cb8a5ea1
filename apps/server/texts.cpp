#include "texts.h"

#include "answers.h"
#include "reply.h"

#include "embscope/catalogue/read.h"
#include "embscope/text/utf8.h"

namespace embscope::server {
namespace {

std::string_view name(NamedToken::Read read) {
  switch (read) {
    case NamedToken::Read::by_id: return "by_id";
    case NamedToken::Read::as_written: return "as_written";
    case NamedToken::Read::with_space: return "with_space";
  }
  return "";
}

}  // namespace

Prompt prompt_of(const Fields& in, const Subject& on) { return read_prompt(on, {in.text("text")}); }

std::vector<Edit> edits_of(const Fields& in, const Subject& on, const Prompt& prompt) {
  const bj::value* value = in.find("edits");
  if (value == nullptr) return {};
  return read_edits(on, value_of("edits", *value, Kind::edits), prompt);
}

std::vector<TokenId> tokens_of(const std::vector<std::string>& texts, const Subject& on) {
  std::vector<TokenId> ids;
  ids.reserve(texts.size());
  for (const std::string& text : texts) ids.push_back(read_token(on, text));
  return ids;
}

bj::array words_value(const Model& model, const Words& words) {
  bj::array list;
  for (const NamedToken& word : words) {
    bj::object one = token_value(model, word.id);
    one["text"] = well_formed(word.text);
    one["pieces"] = labels_of(model, word.pieces);
    one["single"] = word.single();
    one["read"] = name(word.read);
    one["reading"] = reading(model, word);
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace embscope::server
