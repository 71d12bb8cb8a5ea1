#include "catalogue/describe.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace embscope::catalogue {
namespace {

constexpr std::size_t usual_longest = 1024;

[[noreturn]] void refuse(std::string_view name, std::string_view what) {
  throw Error(Code::usage, std::string(name), std::string(what));
}

Kind kind_of(const Member& member) {
  return std::visit(Cases{[](GivenText*) { return Kind::text; },
                          [](std::vector<GivenText>*) { return Kind::texts; },
                          [](std::string*) { return Kind::name; },
                          [](File*) { return Kind::file; },
                          [](Rows*) { return Kind::ids; },
                          [](Word*) { return Kind::token; },
                          [](std::optional<Word>*) { return Kind::token; },
                          [](std::uint64_t*) { return Kind::seed; },
                          [](double*) { return Kind::number; },
                          [](bool*) { return Kind::flag; },
                          [](Direction*) { return Kind::vector; },
                          [](Edits*) { return Kind::edits; },
                          [](std::vector<Word>*) { return Kind::tokens; },
                          [](std::optional<std::vector<Word>>*) { return Kind::tokens; },
                          [](std::vector<std::string>*) { return Kind::names; },
                          [](std::vector<int>*) { return Kind::integers; },
                          [](std::vector<double>*) { return Kind::numbers; },
                          [](std::vector<Direction>*) { return Kind::vectors; },
                          [](Other*) { return Kind::other; },
                          [](Share*) { return Kind::share; },
                          [](std::vector<std::uint64_t>*) { return Kind::seeds; },
                          [](std::vector<Message>*) { return Kind::messages; },
                          [](auto*) { return Kind::integer; }},
                    member);
}

template <class T>
Value::List list_of(const std::vector<T>& values) {
  Value::List list;
  for (const T& value : values) list.push_back({value});
  return list;
}

Value::List list_of(const std::vector<int>& values) {
  Value::List list;
  for (const int value : values) list.push_back({std::int64_t{value}});
  return list;
}

// The default value of a member; empty for members that are absent by default.
std::optional<Value> initial_of(const Member& member) {
  using Maybe = std::optional<Value>;
  return std::visit(
      Cases{[](const std::string* m) { return m->empty() ? Maybe() : Value{*m}; },
            [](const Rows* m) { return m->text.empty() ? Maybe() : Value{m->text}; },
            [](const int* m) { return Maybe(Value{std::int64_t{*m}}); },
            [](const std::int64_t* m) { return Maybe(Value{*m}); },
            [](const std::uint64_t* m) { return Maybe(Value{static_cast<std::int64_t>(*m)}); },
            [](const double* m) { return Maybe(Value{*m}); }, [](const bool* m) { return Maybe(Value{*m}); },
            [](const std::vector<std::string>* m) { return m->empty() ? Maybe() : Value{list_of(*m)}; },
            [](const std::vector<int>* m) { return m->empty() ? Maybe() : Value{list_of(*m)}; },
            [](const std::vector<double>* m) { return m->empty() ? Maybe() : Value{list_of(*m)}; },
            [](const auto*) { return Maybe(); }},
      member);
}

template <class T>
void check_range(const Field& field, T value) {
  const auto number = static_cast<double>(value);
  if (number >= field.least && number <= field.most) return;
  const std::string bounds = field.most == Field::none ? fmt::format("choose at least {}", field.least)
                                                       : fmt::format("choose {} to {}", field.least, field.most);
  throw Error(Code::range, std::string(field.name), fmt::format("{}: {}", value, bounds));
}

std::int64_t integer_of(const Field& field, const Value& value) {
  const auto* whole = std::get_if<std::int64_t>(&value.is);
  if (const auto* real = std::get_if<double>(&value.is);
      real != nullptr && std::trunc(*real) == *real && std::abs(*real) < 9e15)
    return static_cast<std::int64_t>(*real);
  if (whole == nullptr) refuse(field.name, "must be a whole number");
  return *whole;
}

template <class Integer>
Integer checked_integer(const Field& field, const Value& value) {
  const std::int64_t number = integer_of(field, value);
  check_range(field, number);
  if (!std::in_range<Integer>(number))
    throw Error(Code::range, std::string(field.name), fmt::format("{}: too large or too small", number));
  return static_cast<Integer>(number);
}

double number_of(const Field& field, const Value& value) {
  const auto* whole = std::get_if<std::int64_t>(&value.is);
  const auto* real = std::get_if<double>(&value.is);
  if (whole == nullptr && (real == nullptr || !std::isfinite(*real))) refuse(field.name, "must be a number");
  const double number = whole != nullptr ? static_cast<double>(*whole) : *real;
  check_range(field, number);
  return number;
}

bool flag_of(const Field& field, const Value& value) {
  const auto* flag = std::get_if<bool>(&value.is);
  if (flag == nullptr) refuse(field.name, "must be true or false");
  return *flag;
}

std::string text_of(const Field& field, const Value& value) {
  const auto* text = std::get_if<std::string>(&value.is);
  if (text == nullptr) refuse(field.name, "must be a text in quotes");
  if (!field.choices.empty() && (" " + std::string(field.choices) + " ").find(" " + *text + " ") == std::string::npos)
    throw Error(Code::not_found, std::string(field.name), fmt::format("'{}': choose one of {}", *text, field.choices));
  return *text;
}

/// A list, or one value in place of a list of one.
Value::List list_given(const Field& field, const Value& value) {
  const auto* list = std::get_if<Value::List>(&value.is);
  Value::List values = list != nullptr ? *list : Value::List{value};
  const std::size_t longest = field.longest != 0 ? field.longest : usual_longest;
  if (values.size() > longest)
    throw Error(Code::range, std::string(field.name), fmt::format("{} of them: at most {}", values.size(), longest));
  if (field.count != 0 && values.size() != field.count && !values.empty())
    refuse(field.name, fmt::format("{} of them: give {}", values.size(), field.count));
  return values;
}

std::vector<TokenId> ids_of(const Field& field, const Value::List& list) {
  std::vector<TokenId> ids;
  ids.reserve(list.size());
  for (const Value& one : list) ids.push_back(checked_integer<TokenId>(field, one));
  return ids;
}

GivenText said_of(const Field& field, const Value& value) {
  if (const auto* list = std::get_if<Value::List>(&value.is)) return {"", ids_of(field, *list)};
  return {text_of(field, value), {}};
}

// A list that begins with a number is one text's ids.
std::vector<GivenText> texts_of(const Field& field, const Value& value) {
  const auto* list = std::get_if<Value::List>(&value.is);
  const bool one = list == nullptr || list->empty() || std::holds_alternative<std::int64_t>(list->front().is);
  if (one) return {said_of(field, value)};
  std::vector<GivenText> texts;
  for (const Value& text : list_given(field, value)) texts.push_back(said_of(field, text));
  return texts;
}

Rows rows_of(const Field& field, const Value& value) {
  const auto* list = std::get_if<Value::List>(&value.is);
  if (list == nullptr) return {text_of(field, value), {}};
  Rows rows;
  for (const Value& one : *list) rows.numbers.push_back(checked_integer<std::int64_t>(field, one));
  return rows;
}

Other other_of(const Field& field, const Value& value) {
  if (const auto* subject = std::get_if<std::shared_ptr<const Subject>>(&value.is)) return {{}, *subject};
  return {text_of(field, value), nullptr};
}

// "3/8", or 3, of which another field says of how many.
Share share_of(const Field& field, const Value& value) {
  if (std::holds_alternative<std::int64_t>(value.is)) return {checked_integer<int>(field, value), 1};
  const std::string text = text_of(field, value);
  Share share;
  const char* end = text.data() + text.size();
  const auto [slash, error] = std::from_chars(text.data(), end, share.index);
  if (error == std::errc() && slash < end && *slash == '/') {
    const auto [last, second] = std::from_chars(slash + 1, end, share.of);
    if (second == std::errc() && last == end) return share;
  }
  refuse(field.name, fmt::format("'{}': expected i/N, such as 0/8", text));
}

Message message_of(const Field& field, const Value& value) {
  if (const auto* message = std::get_if<Message>(&value.is)) return *message;
  refuse(field.name, "expected objects: {\"role\", \"content\"}");
}

std::vector<Message> messages_of(const Field& field, const Value& value) {
  std::vector<Message> messages;
  for (const Value& one : list_given(field, value)) messages.push_back(message_of(field, one));
  if (messages.empty()) refuse(field.name, "holds no message");
  return messages;
}

Word word_of(const Field& field, const Value& value) {
  if (const auto* id = std::get_if<std::int64_t>(&value.is)) return {fmt::format("#{}", *id)};
  return {text_of(field, value)};
}

Direction direction_of(const Field& field, const Value& value) {
  const auto* list = std::get_if<Value::List>(&value.is);
  if (list == nullptr && !std::holds_alternative<std::string>(value.is))
    refuse(field.name, "must be a vector expression or a list of numbers");
  if (list == nullptr) return {text_of(field, value), {}};
  Direction direction;
  for (const Value& one : *list) direction.values.push_back(static_cast<float>(number_of(field, one)));
  if (direction.values.empty()) refuse(field.name, "holds no values");
  return direction;
}

// A list of two vectors has two elements; the numbers of one vector are a list within the list.
std::vector<Direction> directions_of(const Field& field, const Value& value) {
  std::vector<Direction> directions;
  for (const Value& one : list_given(field, value)) directions.push_back(direction_of(field, one));
  return directions;
}

void fill(const Member& member, const Field& field, const Value& value) {
  const auto each = [&](auto& values, auto read) {
    values.clear();
    for (const Value& one : list_given(field, value)) values.push_back(read(field, one));
  };
  std::visit(Cases{[&](GivenText* m) { *m = said_of(field, value); },
                   [&](std::vector<GivenText>* m) { *m = texts_of(field, value); },
                   [&](File* m) { m->path = text_of(field, value); },
                   [&](Rows* m) { *m = rows_of(field, value); },
                   [&](std::string* m) { *m = text_of(field, value); },
                   [&](Word* m) { *m = word_of(field, value); },
                   [&](std::optional<Word>* m) { *m = word_of(field, value); },
                   [&](int* m) { *m = checked_integer<int>(field, value); },
                   [&](std::int64_t* m) { *m = checked_integer<std::int64_t>(field, value); },
                   [&](std::uint64_t* m) { *m = seed_of(field.name, value); },
                   [&](std::optional<int>* m) { *m = checked_integer<int>(field, value); },
                   [&](std::optional<std::int64_t>* m) { *m = checked_integer<std::int64_t>(field, value); },
                   [&](double* m) { *m = number_of(field, value); },
                   [&](bool* m) { *m = flag_of(field, value); },
                   [&](Direction* m) { *m = direction_of(field, value); },
                   [&](Edits* m) { m->given = list_given(field, value); },
                   [&](std::vector<Word>* m) { each(*m, word_of); },
                   [&](std::optional<std::vector<Word>>* m) { each(m->emplace(), word_of); },
                   [&](std::vector<std::string>* m) { each(*m, text_of); },
                   [&](std::vector<int>* m) { each(*m, checked_integer<int>); },
                   [&](std::vector<double>* m) { each(*m, number_of); },
                   [&](std::vector<Direction>* m) { *m = directions_of(field, value); },
                   [&](Other* m) { *m = other_of(field, value); },
                   [&](Share* m) { *m = share_of(field, value); },
                   [&](std::vector<std::uint64_t>* m) {
                     each(*m, [](const Field& of, const Value& one) { return seed_of(of.name, one); });
                   },
                   [&](std::vector<Message>* m) { *m = messages_of(field, value); }},
             member);
}

}  // namespace

void Lister::visit(Member member, const Field& field) {
  fields.push_back(field);
  fields.back().kind = kind_of(member);
  if (auto initial = initial_of(member); initial && !field.required)
    fields.back().has_initial = true, fields.back().initial = std::move(*initial);
}

void Reader::visit(Member member, const Field& field) {
  auto given = values_.find(field.name);
  const auto by_old_name = field.old.empty() ? values_.end() : values_.find(field.old);
  if (by_old_name != values_.end() && given != values_.end())
    refuse(field.old, fmt::format("is the old name of {}: give one of them", field.name));
  if (given == values_.end()) given = by_old_name;
  Field named = field;
  if (given != values_.end()) named.name = given->first;  // what is wrong is told by the name that was given
  if (given != values_.end())
    fill(member, named, given->second);
  else if (field.required)
    refuse(field.name, "is missing");
}

void check_names(std::string_view analysis, const std::vector<Field>& fields, const Values& values, Files files) {
  std::vector<std::string_view> names;
  for (const Field& field : fields) {
    if ((field.kind == Kind::file || field.terminal) && files == Files::refused) continue;
    names.push_back(field.name);
    if (!field.old.empty()) names.push_back(field.old);
  }
  for (const auto& [name, value] : values) {
    if (std::ranges::find(names, std::string_view(name)) == names.end())
      refuse(name, fmt::format("no such field of {}: it has {}", analysis, fmt::join(names, ", ")));
  }
}

void check_parts(const AnalysisResult& found, std::span<const Part> parts) {
  const bool same = std::ranges::equal(
      found.parts(), parts, {}, [](const auto& part) { return part.first; },
      [](const Part& part) { return part.name; });
  if (!same) throw std::logic_error("an answer does not match its description in the catalogue");
}

}  // namespace embscope::catalogue

namespace embscope {

std::uint64_t seed_of(std::string_view field, const Value& value) {
  if (const auto* large = std::get_if<std::uint64_t>(&value.is)) return *large;
  const auto* number = std::get_if<std::int64_t>(&value.is);
  if (number != nullptr && *number >= 0) return static_cast<std::uint64_t>(*number);
  const auto* real = std::get_if<double>(&value.is);
  if (number == nullptr && (real == nullptr || std::trunc(*real) != *real))
    throw Error(Code::usage, std::string(field), "must be a whole number");
  const std::string given = number != nullptr ? fmt::format("{}", *number) : fmt::format("{}", *real);
  throw Error(Code::range, std::string(field), fmt::format("{}: choose 0 to {}", given, UINT64_MAX));
}

}  // namespace embscope
