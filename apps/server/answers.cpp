#include "answers.h"

#include <algorithm>

#include <fmt/format.h>

#include "reply.h"

#include "embscope/text/utf8.h"

namespace embscope::server {
namespace {

bj::array odds(const AnalysisResult::Odds& list, const Model& model) {
  bj::array values;
  for (const TokenProbability& one : list) {
    bj::object value = token_value(model, one.id);
    value["probability"] = one.probability;
    value["rank"] = one.rank;
    values.push_back(std::move(value));
  }
  return values;
}

bj::value token(AnalysisResult::Token one, const Model& model) {
  return one.id < 0 ? bj::value() : token_value(model, one.id);
}

void add(Reply& reply, std::string_view name, const AnalysisResult::Content& content, const Model& model) {
  const auto plain = [&](const auto& value) { reply.add(name, bj::value(value)); };
  const auto list = [&](const auto& values) { reply.add(name, bj::array(values.begin(), values.end())); };
  std::visit(Cases{[&](bool value) { plain(value); }, [&](std::int64_t value) { plain(value); },
                   [&](double value) {
                     reply.add_json(name, std::isfinite(value) ? bj::serialize(bj::value(value)) : "null");
                   },
                   [&](const std::string& value) { plain(well_formed(value)); },
                   [&](AnalysisResult::Token value) { reply.add(name, token(value, model)); },
                   [&](const std::vector<int>& values) { list(values); },
                   [&](const std::vector<double>& values) { reply.add(name, std::span<const double>(values)); },
                   [&](const std::vector<std::string>& values) {
                     bj::array out;
                     for (const std::string& one : values) out.emplace_back(well_formed(one));
                     reply.add(name, out);
                   },
                   [&](const AnalysisResult::Odds& values) { reply.add(name, odds(values, model)); },
                   [&](const Tensor& values) { reply.add_rows(name, values); },
                   [&](const AnalysisResult::Lists& lists) {
                     bj::array rows;
                     for (const auto& row : lists) rows.emplace_back(bj::array(row.begin(), row.end()));
                     reply.add(name, rows);
                   },
                   [&](const AnalysisResult::Arrays& arrays) {
                     Reply parts;
                     for (const auto& [site, values] : arrays) parts.add_rows(site, values);
                     reply.add_json(name, parts.text());
                   },
                   [&](const Cost& cost) { reply.add(name, cost_value(cost)); }, [](const Table&) {},
                   [](const AnalysisResult::Draw&) {}},
             content);
}

/// One table as `table`, several by their names in `tables`; the same for figures.
void add_group(Reply& reply, const Analysis& analysis, Kind kind, std::string_view one, std::string_view several,
               const std::function<void(Reply&, std::string_view name, std::string_view part)>& add) {
  std::vector<std::string_view> names;
  for (const Part& part : analysis.parts()) {
    if (part.kind == kind) names.push_back(part.name);
  }
  if (names.size() == 1) add(reply, one, names[0]);
  if (names.size() < 2) return;
  Reply group;
  for (const std::string_view name : names) add(group, name, name);
  reply.add_json(several, group.text());
}

}  // namespace

namespace {

Message message_of(std::string_view name, const bj::object& object) {
  const auto *role = object.if_contains("role"), *content = object.if_contains("content");
  if (object.size() != 2 || role == nullptr || content == nullptr || !role->is_string() || !content->is_string())
    throw Refusal(400, "usage", std::string(name), "expected objects: {\"role\", \"content\"}, both texts");
  return {std::string(role->get_string()), std::string(content->get_string())};
}

}  // namespace

Value value_of(std::string_view name, const bj::value& value, Kind kind) {
  if (value.is_bool()) return {value.get_bool()};
  if (value.is_int64()) return {value.get_int64()};
  if (value.is_double()) return {value.get_double()};
  if (value.is_uint64()) return {value.get_uint64()};
  if (value.is_string()) return {std::string(value.get_string())};
  if (value.is_array()) {
    Value::List list;
    for (const bj::value& one : value.get_array()) list.push_back(value_of(name, one, kind));
    return {std::move(list)};
  }
  if (value.is_object() && kind == Kind::edits) return {bj::serialize(value)};
  if (value.is_object() && kind == Kind::messages) return {message_of(name, value.get_object())};
  throw Refusal(400, "usage", std::string(name), value.is_null() ? "holds null" : "must not be an object");
}

bj::value json_of(const Value& value) {
  if (const auto* list = std::get_if<Value::List>(&value.is)) {
    bj::array values;
    for (const Value& one : *list) values.push_back(json_of(one));
    return values;
  }
  if (const auto* flag = std::get_if<bool>(&value.is)) return *flag;
  if (const auto* whole = std::get_if<std::int64_t>(&value.is)) return *whole;
  if (const auto* real = std::get_if<double>(&value.is)) return *real;
  return bj::string(std::get<std::string>(value.is));
}

Values values_of(const bj::object& object, const Analysis& analysis) {
  const std::vector<Field> fields = analysis.fields();
  Values values;
  for (const auto& [key, value] : object) {
    const std::string name(key);
    const auto field =
        std::ranges::find_if(fields, [&](const Field& one) { return one.name == name || one.old == name; });
    if (field == fields.end()) {
      values.emplace(name, Value{false});  // which Analysis::ask refuses, listing the known names
      continue;
    }
    if (!value.is_null()) values.emplace(name, value_of(name, value, field->kind));
  }
  return values;
}

void require_room(const Analysis& analysis, const Analysis::CheckedRequest& asked, const Subject& on) {
  if (asked.bytes) require_memory(asked.bytes(on), analysis.about().name);
}

bool names_tokens(const Analysis& analysis) {
  return std::ranges::any_of(analysis.fields(), [](const Field& field) {
    return field.kind == Kind::token || field.kind == Kind::tokens || field.kind == Kind::edits ||
           field.kind == Kind::vector || field.kind == Kind::vectors;
  });
}

std::string answer_json(const Analysis& analysis, const AnalysisResult& found, const OpenModelSubject& on,
                        bool with_figures) {
  const Model& model = on.model();
  Reply reply;
  for (const auto& [name, content] : found.parts()) add(reply, name, content, model);
  add_group(reply, analysis, Kind::table, "table", "tables",
            [&](Reply& to, std::string_view name, std::string_view part) { to.add(name, found.table(part)); });
  if (names_tokens(analysis)) reply.add("words", words_value(model, on.words()));
  if (with_figures)
    add_group(reply, analysis, Kind::figure, "figure", "figures",
              [&](Reply& to, std::string_view name, std::string_view part) { to.add(name, found.figure(part)); });
  return reply.text();
}

}  // namespace embscope::server
