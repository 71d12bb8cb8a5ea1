#include "texts.h"

#include "answers.h"
#include "reply.h"

#include "embscope/catalogue/read.h"
#include "embscope/text/utf8.h"

namespace embscope::server {
namespace {

/// An open model as what stands in a request is read for it: no files, and the tokens that are named are kept.
class Naming : public Subject {
 public:
  Naming(const OpenModel& model, Words& words) : model_(model), words_(words) {}
  const Transformer& transformer() const override { return model_.transformer(); }
  const Model& model() const override { return model_.model(); }
  const Space& space() const override { return model_.space(); }
  Files files() const override { return Files::refused; }
  void note(const NamedToken& token) const override { words_.push_back(token); }

 private:
  const OpenModel& model_;
  Words& words_;
};

std::string_view name(NamedToken::Read read) {
  switch (read) {
    case NamedToken::Read::by_id: return "by_id";
    case NamedToken::Read::as_written: return "as_written";
    case NamedToken::Read::with_space: return "with_space";
  }
  return "";
}

}  // namespace

Prompt prompt_of(const Fields& in, const OpenModel& model) {
  Words none;
  return read_prompt(Naming(model, none), {in.text("text")});
}

std::vector<Edit> edits_of(const Fields& in, const OpenModel& model, const Prompt& prompt, Words& words) {
  const bj::value* value = in.find("edits");
  if (value == nullptr) return {};
  return read_edits(Naming(model, words), value_of("edits", *value, Kind::edits), prompt);
}

std::vector<float> vector_of(std::string_view name, const bj::value& value, const OpenModel& model, Words& words) {
  return read_vector(Naming(model, words), value_of(name, value, Kind::vector), name);
}

TokenId token_of(std::string_view word, const OpenModel& model, Words& words) {
  return read_token(Naming(model, words), word);
}

std::vector<TokenId> tokens_of(const std::vector<std::string>& texts, const OpenModel& model, Words& words) {
  std::vector<TokenId> ids;
  ids.reserve(texts.size());
  for (const std::string& text : texts) ids.push_back(token_of(text, model, words));
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
