#include "input.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"

namespace embscope::cli {
namespace {

std::string dashed(std::string_view name) {
  std::string out = "--" + std::string(name);
  std::ranges::replace(out, '_', '-');
  return out;
}

Field renamed(const Field& field) {
  Field old = field;
  old.name = field.old, old.option = {}, old.old = {};
  return old;
}

CLI::Option* several(CLI::Option* option) {
  return option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

std::string initial(const Value& value) {
  if (const auto* list = std::get_if<Value::List>(&value.is)) {
    std::vector<std::string> texts;
    for (const Value& one : *list) texts.push_back(initial(one));
    return fmt::format("{}", fmt::join(texts, " "));
  }
  if (const auto* text = std::get_if<std::string>(&value.is)) return *text;
  if (const auto* real = std::get_if<double>(&value.is)) return fmt::format("{}", *real);
  const auto* whole = std::get_if<std::int64_t>(&value.is);
  return whole != nullptr ? fmt::format("{}", *whole) : std::string();
}

/// The word for a field's value in the help; empty: the parser's own.
std::string value_name(const Field& field) {
  if (field.by_files) return "FILE";
  if (!field.choices.empty()) {
    std::string choices(field.choices);
    std::ranges::replace(choices, ' ', '|');
    return choices;
  }
  switch (field.kind) {
    case Kind::name:
    case Kind::names: return "NAME";
    case Kind::file: return "FILE";
    case Kind::ids: return "IDS";
    case Kind::token:
    case Kind::tokens: return "WORD";
    case Kind::seed:
    case Kind::seeds: return "SEED";
    case Kind::other: return "MODEL";
    case Kind::share: return "I/N";
    case Kind::vector:
    case Kind::vectors: return "VECTOR";
    case Kind::edits: return field.option.empty() ? "SITES" : "EDIT";
    default: return "";
  }
}

/// CLI11 would take a number that does not fit for the nearest one that does, and nothing for 0.
template <class T>
std::string not_a_number(const std::string& text, std::string_view what) {
  T value{};
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + (text.starts_with('+') ? 1 : 0), last, value);
  if (!text.empty() && end == last && error == std::errc()) return "";
  return fmt::format("'{}' {}", visible(text.substr(0, 100)),
                     end == last && !text.empty() ? "does not fit a number" : fmt::format("is not {}", what));
}

const CLI::Validator whole_number([](std::string& text) { return not_a_number<std::int64_t>(text, "a whole number"); },
                                  "");
const CLI::Validator any_number([](std::string& text) { return not_a_number<double>(text, "a number"); }, "");

template <class T>
Value list_of(const std::vector<T>& values) {
  Value::List list;
  for (const T& one : values) list.push_back(Value{one});
  return {list};
}

std::string joined(const std::vector<std::string>& files) {
  std::string text;
  for (const std::string& file : files) text += read_text(file);
  return text;
}

std::string edits_text(const std::string& file) {
  std::string text = read_text(file);
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  return text.substr(std::min(start, text.size()));
}

}  // namespace

std::string option_of(const Field& field) {
  return field.option.empty() ? dashed(field.name) : std::string(field.option);
}

Input::Input(CLI::App& command, const Field& field) : field_(field) {
  add(command);
  if (field.old.empty()) return;
  old_ = std::make_unique<Input>(command, renamed(field));
  old_->option_->group("");  // not in the help
}

bool Input::given() const {
  return option_->count() > 0 || !at_.empty() || !do_.empty() || !file_.empty() || (old_ && old_->given());
}

void Input::give(Values& values) const {
  if (old_ && old_->option_->count() > 0) {
    fmt::print(stderr, "{} is now {}; the next version will not accept the old name\n", old_->name(), name());
    old_->give(values);
  }
  if (field_.kind == Kind::edits) {
    if (Value::List edits = given_edits(); !edits.empty()) values.emplace(field_.name, Value{std::move(edits)});
  } else if (option_->count() > 0) {
    values.emplace(field_.name, value());
  }
}

void Input::add(CLI::App& command) {
  const std::string name = option_of(field_), what(field_.what);
  const bool by_files = field_.by_files;
  switch (field_.kind) {
    case Kind::integer: option_ = command.add_option(name, whole_, what); break;
    case Kind::seed: option_ = command.add_option(name, seed_, what); break;
    case Kind::number: option_ = command.add_option(name, real_, what); break;
    case Kind::flag: option_ = command.add_flag(name, set_, what); break;
    case Kind::tokens:
    case Kind::names:
    case Kind::vectors: option_ = command.add_option(name, texts_, what); break;
    case Kind::seeds: option_ = command.add_option(name, seeds_, what); break;
    case Kind::integers: option_ = command.add_option(name, wholes_, what)->delimiter(','); break;
    case Kind::numbers: option_ = command.add_option(name, reals_, what)->delimiter(','); break;
    case Kind::edits: add_edits(command); break;
    default: option_ = by_files ? command.add_option(name, texts_, what) : command.add_option(name, text_, what);
  }
  if (const std::string word = value_name(field_); !word.empty()) option_->type_name(word);
  if (field_.kind == Kind::integer || field_.kind == Kind::integers) option_->check(whole_number);
  if (field_.kind == Kind::number || field_.kind == Kind::numbers) option_->check(any_number);
  if (field_.written) option_->check(takes_file);
  if (field_.each) several(option_);
  if (field_.count > 0) option_->expected(static_cast<int>(field_.count));
  if (field_.required && field_.kind != Kind::edits) option_->required();
  if (field_.has_initial && field_.kind != Kind::flag) option_->default_str(initial(field_.initial));
}

void Input::add_edits(CLI::App& command) {
  if (!field_.option.empty()) {  // one option for a whole edit
    option_ = several(command.add_option(std::string(field_.option), texts_, std::string(field_.what)));
    return;
  }
  option_ = several(command.add_option(
      "--at", at_,
      "Where an edit applies: SITE[@POSITIONS][/HEADS]; a position is a number or a word of the text in quotes"));
  std::vector<std::string_view> forms;
  for (const ChangeInfo& info : changes()) forms.push_back(info.form);
  several(command.add_option(
              "--do", do_,
              fmt::format("What the edit does, one --do for each --at: {}; V such as \"' king' - ' man' + ' woman'\"",
                          fmt::join(forms, ", "))))
      ->type_name("CHANGE");
  command.add_option("--edits", file_, "A JSON file of edits: [{\"at\": \"wte@3\", \"do\": \"zero\"}, ...]")
      ->type_name("FILE");
}

Value Input::value() const {
  switch (field_.kind) {
    case Kind::integer: return {whole_};
    case Kind::seed: return {seed_};
    case Kind::number: return {real_};
    case Kind::flag:
      return {set_ != std::get<bool>(field_.initial.is)};  // --no-... turns off a flag whose default is on
    case Kind::tokens:
    case Kind::names:
    case Kind::vectors: return list_of(texts_);
    case Kind::seeds: return list_of(seeds_);
    case Kind::integers: return list_of(wholes_);
    case Kind::numbers: return list_of(reals_);
    default: return {field_.by_files ? joined(texts_) : text_};
  }
}

Value::List Input::given_edits() const {
  Value::List edits;
  for (const std::string& edit : texts_) edits.push_back({edit});
  if (at_.size() != do_.size())
    throw Error(Code::usage, "edits",
                fmt::format("{} places (--at) and {} changes (--do): one --do for each --at", at_.size(), do_.size()));
  if (!file_.empty()) edits.push_back({edits_text(file_)});
  for (std::size_t i = 0; i < at_.size(); ++i) edits.push_back({EditInParts{at_[i], do_[i]}});
  return edits;
}

}  // namespace embscope::cli
