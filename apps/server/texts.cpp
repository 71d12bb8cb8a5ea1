#include "texts.h"

#include <charconv>

#include <fmt/format.h>

namespace embscope::server {
namespace {

constexpr std::size_t most_edits = 256;

std::vector<Edit> one_edit(std::size_t index, const bj::value& value, const OpenModel& model, const Prompt& prompt) {
  const std::string text = bj::serialize(value);
  try {
    if (value.is_object()) {
      for (const auto& [key, part] : value.get_object())
        if (part.is_string()) refuse_files(part.get_string());
    } else if (value.is_string()) {
      refuse_files(value.get_string());
    } else {
      throw Error(Code::usage, "edit", "must be {\"at\", \"do\"} or a text");
    }
    return parse_edits_json(text, model.transformer(), prompt);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("edits[{}]", index),
                error.where() == "edit" ? error.message() : fmt::format("{}: {}", error.where(), error.message()));
  }
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

std::vector<Edit> edits_of(const Fields& in, const OpenModel& model, const Prompt& prompt) {
  const bj::value* value = in.find("edits");
  std::vector<Edit> edits;
  if (value == nullptr) return edits;
  const bj::array list = value->is_array() ? value->get_array() : bj::array{*value};
  if (list.size() > most_edits)
    throw Refusal(422, "range", "edits", fmt::format("{} of them: at most {}", list.size(), most_edits));
  for (std::size_t i = 0; i < list.size(); ++i) {
    for (Edit& edit : one_edit(i, list[i], model, prompt)) edits.push_back(std::move(edit));
  }
  return edits;
}

void refuse_files(std::string_view expression) {
  char quote = 0;
  for (std::size_t i = 0; i < expression.size(); ++i) {
    const char c = expression[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (expression.substr(i, 4) == "file") {
      throw Refusal(403, "forbidden", "file(...)", "files of this machine are not read for a request: use the command line");
    }
  }
}

std::vector<float> vector_of(std::string_view name, const bj::value& value, const OpenModel& model) {
  const auto width = static_cast<std::size_t>(model.config().width);
  if (value.is_string()) {
    const std::string text(value.get_string());
    refuse_files(text);
    return parse_vector(text, model.transformer());
  }
  if (!value.is_array()) throw Refusal(400, "usage", std::string(name), "must be a vector expression or a list of numbers");
  if (value.get_array().size() != width)
    throw Error(Code::shape, std::string(name),
                fmt::format("{} values: a vector of this model has {}", value.get_array().size(), width));
  std::vector<float> vector;
  for (const bj::value& one : value.get_array()) {
    boost::system::error_code error;
    const auto number = one.to_number<double>(error);
    if (error) throw Refusal(400, "usage", std::string(name), "holds what is no number");
    vector.push_back(static_cast<float>(number));
  }
  return vector;
}

TokenId token_of(std::string_view word, const OpenModel& model) {
  if (word.size() > 1 && word[0] == '#') {
    TokenId id = 0;
    const auto [end, error] = std::from_chars(word.data() + 1, word.data() + word.size(), id);
    if (error == std::errc() && end == word.data() + word.size()) {
      if (id < 0 || id >= model.config().vocab)
        throw Error(Code::range, std::string(word), fmt::format("the vocabulary has 0:{}", model.config().vocab));
      return id;
    }
  }
  return word_token(model.tokenizer(), word).id;
}

}  // namespace embscope::server
