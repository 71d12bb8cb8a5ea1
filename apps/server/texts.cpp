#include "texts.h"

#include <fmt/format.h>

#include "reply.h"

#include "embscope/text/utf8.h"

namespace embscope::server {
namespace {

constexpr std::size_t most_edits = 256;

std::vector<Edit> one_edit(const bj::value& value, const OpenModel& model, const Prompt& prompt, Words& words) {
  const Reading reading{.files = Files::refused, .tokens = &words};
  if (value.is_string()) return parse_edit(value.get_string(), model.transformer(), prompt, reading);
  if (!value.is_object()) throw Error(Code::usage, "edit", "must be {\"at\", \"do\"} or a text");
  const Fields in(value.get_object(), {"at", "do"});
  return parse_edit(in.text("at"), in.text("do"), model.transformer(), prompt, reading);
}

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
  Prompt prompt = make_prompt(model.tokenizer(), in.text("text"));
  if (prompt.length() == 0) throw Error(Code::usage, "text", "is empty");
  if (prompt.length() > model.config().context)
    throw Error(Code::range, "text",
                fmt::format("{} tokens: this model reads at most {}", prompt.length(), model.config().context));
  return prompt;
}

std::vector<Edit> edits_of(const Fields& in, const OpenModel& model, const Prompt& prompt, Words& words) {
  const bj::value* value = in.find("edits");
  std::vector<Edit> edits;
  if (value == nullptr) return edits;
  const bj::array list = value->is_array() ? value->get_array() : bj::array{*value};
  if (list.size() > most_edits)
    throw Refusal(422, "range", "edits", fmt::format("{} of them: at most {}", list.size(), most_edits));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = fmt::format("edits[{}]", i);
    try {
      for (Edit& edit : one_edit(list[i], model, prompt, words)) edits.push_back(std::move(edit));
    } catch (const Refusal& refusal) {
      throw Refusal(refusal.status(), refusal.code(), where, fmt::format("{}: {}", refusal.where(), refusal.what()));
    } catch (const FilesRefused&) {
      throw;  // its message is complete
    } catch (const Error& error) {
      throw Error(error.code(), where,
                  error.where() == "edit" ? error.message() : fmt::format("{}: {}", error.where(), error.message()));
    }
  }
  return edits;
}

std::vector<float> vector_of(std::string_view name, const bj::value& value, const OpenModel& model, Words& words) {
  if (value.is_string())
    return parse_vector(value.get_string(), model.transformer(), {.files = Files::refused, .tokens = &words});
  const auto width = static_cast<std::size_t>(model.config().width);
  if (!value.is_array())
    throw Refusal(400, "usage", std::string(name), "must be a vector expression or a list of numbers");
  if (value.get_array().size() != width)
    throw Error(Code::shape, std::string(name),
                fmt::format("{} values: a vector of this model has {}", value.get_array().size(), width));
  std::vector<float> vector;
  for (const bj::value& one : value.get_array()) {
    boost::system::error_code error;
    const auto number = one.to_number<double>(error);
    if (error) throw Refusal(400, "usage", std::string(name), "contains a value that is not a number");
    vector.push_back(static_cast<float>(number));
  }
  return vector;
}

TokenId token_of(std::string_view word, const OpenModel& model, Words& words) {
  words.push_back(token_named(model.model(), word));
  return words.back().id;
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
