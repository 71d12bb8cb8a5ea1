// The API's description: the addresses written by hand (addresses.json), and those that follow from the catalogue.
#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "answers.h"

extern "C" const unsigned char embscope_addresses_begin[], embscope_addresses_end[];

namespace embscope::server {
namespace {

bj::object reference(std::string_view kind, std::string_view name) {
  return {{"$ref", fmt::format("#/components/{}/{}", kind, name)}};
}

bj::object list_of(bj::value items) { return {{"type", "array"}, {"items", std::move(items)}}; }

bj::object type_of(Kind kind) {
  switch (kind) {
    case Kind::text: return {{"oneOf", {{{"type", "string"}}, list_of({{"type", "integer"}})}}};
    case Kind::texts: return {{"oneOf", {type_of(Kind::text), list_of(type_of(Kind::text))}}};
    case Kind::name:
    case Kind::file: return {{"type", "string"}};
    case Kind::ids: return {{"oneOf", {{{"type", "string"}}, list_of({{"type", "integer"}})}}};
    case Kind::token: return {{"type", {"string", "integer"}}};
    case Kind::integer: return {{"type", "integer"}};
    case Kind::seed: return {{"type", "integer"}, {"minimum", 0}, {"maximum", UINT64_MAX}};
    case Kind::number: return {{"type", "number"}};
    case Kind::flag: return {{"type", "boolean"}};
    case Kind::vector: return {{"oneOf", {{{"type", "string"}}, list_of({{"type", "number"}})}}};
    case Kind::edits: return list_of(reference("schemas", "Edit"));
    case Kind::tokens: return list_of(type_of(Kind::token));
    case Kind::names: return list_of({{"type", "string"}});
    case Kind::integers: return list_of({{"type", "integer"}});
    case Kind::numbers: return list_of({{"type", "number"}});
    case Kind::vectors: return list_of(type_of(Kind::vector));
    case Kind::table: return reference("schemas", "Table");
    case Kind::figure: return reference("schemas", "Figure");
    case Kind::rows: return {{"type", "array"}};
    case Kind::arrays: return {{"type", "object"}, {"additionalProperties", {{"type", "array"}}}};
    case Kind::odds: return list_of(reference("schemas", "Likelihood"));
    case Kind::cost: return reference("schemas", "Cost");
  }
  return {};
}

bj::value number_of(double value) {
  return value == static_cast<double>(static_cast<std::int64_t>(value)) ? bj::value(static_cast<std::int64_t>(value))
                                                                        : value;
}

bj::object schema_of(const Field& field) {
  bj::object schema = type_of(field.kind);
  schema["description"] = field.what;
  if (!field.choices.empty()) {
    bj::array choices;
    for (std::string_view rest = field.choices; !rest.empty();) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      choices.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    schema["enum"] = std::move(choices);
  }
  if (field.least != -Field::none) schema["minimum"] = number_of(field.least);
  if (field.most != Field::none) schema["maximum"] = number_of(field.most);
  if (field.longest != 0) schema["maxItems"] = field.longest;
  if (field.has_initial) schema["default"] = json_of(field.initial);
  return schema;
}

bj::object content_of(bj::object schema) { return {{"application/json", {{"schema", std::move(schema)}}}}; }

bj::object body_of(bj::object properties, bj::array required) {
  bj::object schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return {{"required", true}, {"content", content_of(std::move(schema))}};
}

bj::object body_of(const std::vector<Field>& fields) {
  bj::object properties;
  bj::array required;
  for (const Field& field : fields) {
    if (field.kind == Kind::file) continue;  // of this machine: no field over HTTP
    properties[field.name] = schema_of(field);
    if (field.required) required.emplace_back(field.name);
    if (field.old.empty()) continue;
    bj::object& old = (properties[field.old] = schema_of(field)).get_object();
    old["description"] = fmt::format("The old name of `{}`", field.name);
    old["deprecated"] = true;
  }
  return body_of(std::move(properties), std::move(required));
}

bj::object described(const Part& part) {
  bj::object schema = part.kind == Kind::token ? reference("schemas", "Token") : type_of(part.kind);
  schema["description"] = part.what;
  return schema;
}

/// One as `table`, several in `tables`, as answer_json has them.
void add_group(bj::object& properties, std::span<const Part> parts, Kind kind, std::string_view one,
               std::string_view several) {
  bj::object group;
  for (const Part& part : parts) {
    if (part.kind == kind) group[part.name] = described(part);
  }
  if (group.size() == 1)
    properties[one] = group.begin()->value();
  else if (!group.empty())
    properties[several] = bj::object{{"type", "object"}, {"properties", std::move(group)}};
}

bj::object answer_of(const Analysis& analysis) {
  bj::object properties;
  for (const Part& part : analysis.parts()) {
    if (part.kind != Kind::table && part.kind != Kind::figure) properties[part.name] = described(part);
  }
  add_group(properties, analysis.parts(), Kind::table, "table", "tables");
  if (names_tokens(analysis)) properties["words"] = list_of(reference("schemas", "Word"));
  add_group(properties, analysis.parts(), Kind::figure, "figure", "figures");
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

bj::object answers_of(bj::value schema) {
  return {{"200", {{"description", "The answer"}, {"content", content_of(std::move(schema.as_object()))}}},
          {"default", reference("responses", "Error")}};
}

/// What nearly all addresses have is written short: `fields` and `required` of the body, the `answer` or its `members`.
void spell_out(bj::object& operation) {
  if (const auto* members = operation.if_contains("members")) {
    operation["responses"] = answers_of(bj::object{{"type", "object"}, {"properties", *members}});
    operation.erase("members");
  } else if (const auto* answer = operation.if_contains("answer")) {
    operation["responses"] = answers_of(*answer);
    operation.erase("answer");
  }
  if (const auto* fields = operation.if_contains("fields")) {
    const auto* required = operation.if_contains("required");
    operation["requestBody"] = body_of(fields->as_object(), required != nullptr ? required->as_array() : bj::array());
    operation.erase("fields"), operation.erase("required");
  }
}

bj::object operation_of(const Analysis& analysis, const std::vector<Field>& fields) {
  const auto& about = analysis.about();
  bj::object operation = {{"operationId", about.name}, {"summary", about.what}};
  if (!about.more.empty()) operation["description"] = about.more;
  bj::array parameters;
  if (about.needs != Needs::nothing) parameters.push_back(reference("parameters", "model"));
  if (std::ranges::find(analysis.parts(), Kind::figure, &Part::kind) != analysis.parts().end())
    parameters.push_back(reference("parameters", "figure"));
  operation["parameters"] = std::move(parameters);
  if (!fields.empty()) operation["requestBody"] = body_of(fields);
  operation["responses"] = answers_of(answer_of(analysis));
  return operation;
}

/// The fields of all kinds of jobs in one schema; the description of a field that several kinds have gives its meaning
/// for each.
void add_job_fields(bj::object& job, const Analysis& analysis, const std::vector<Field>& fields) {
  bj::object& properties = job.at("properties").as_object();
  properties.at("kind").at("enum").as_array().emplace_back(analysis.about().name);
  for (const Field& field : fields) {
    for (const std::string_view name : {field.name, field.old}) {
      if (name.empty() || field.kind == Kind::file) continue;
      const std::string what = fmt::format("{}: {}", analysis.about().name, field.what);
      const auto known = properties.find(name);
      if (known == properties.end()) {
        properties[name] = {{"description", what}};
      } else {
        auto& description = known->value().at("description").as_string();
        description.append("; ").append(what);
        known->value() = {{"description", description}};
      }
    }
  }
}

}  // namespace

const std::string& openapi() {
  static const std::string text = [] {
    bj::value api = bj::parse({reinterpret_cast<const char*>(embscope_addresses_begin),
                               static_cast<std::size_t>(embscope_addresses_end - embscope_addresses_begin)});
    bj::object& paths = api.at("paths").as_object();
    for (auto& path : paths) {
      for (auto& operation : path.value().as_object()) spell_out(operation.value().as_object());
    }
    bj::object& job = paths.at("/api/jobs")
                          .at("post")
                          .at("requestBody")
                          .at("content")
                          .at("application/json")
                          .at("schema")
                          .as_object();
    for (const Analysis* analysis : analyses()) {
      if (!over_http(*analysis)) continue;
      const std::vector<Field> fields = analysis->fields();
      bj::value& path = paths[fmt::format("/api/{}", analysis->about().name)];
      if (!path.is_object()) path.emplace_object();
      path.get_object()[fields.empty() ? "get" : "post"] = operation_of(*analysis, fields);
      add_job_fields(job, *analysis, fields);
    }
    return bj::serialize(api);
  }();
  return text;
}

}  // namespace embscope::server
