// The API's description: the addresses written by hand (addresses.json), and those that follow from the catalogue.
#include <algorithm>
#include <cctype>
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
    case Kind::other:
    case Kind::file: return {{"type", "string"}};
    case Kind::share: return {{"type", {"string", "integer"}}};
    case Kind::messages: return list_of(reference("schemas", "Message"));
    case Kind::seeds: return list_of(type_of(Kind::seed));
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
    if (field.kind == Kind::file || field.terminal) continue;  // no field over HTTP
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

/// Of a text that is written.
bj::object events() {
  const auto what =
      "Events: `token` {id, label, text, bytes, probability}, then `done` {count, ended}, or `failed` {error}; `ended` "
      "is \"end of text\", \"stop word\", \"tokens\", \"context\" (it is full) or \"cancelled\"";
  return {{"200", {{"description", what}, {"content", {{"text/event-stream", {{"schema", {{"type", "string"}}}}}}}}},
          {"default", reference("responses", "Error")}};
}

// addresses.json is written short. A schema is a text, "TYPE LEAST..MOST = DEFAULT: DESCRIPTION" (of a list the bounds
// are those of its length), a list of one schema, an object of members, whose own description stands under "", or a
// schema of OpenAPI. A TYPE is one of JSON's, a name of `components`, [TYPE], TYPE|TYPE, or the values of a text: a/b.

bj::value type_named(std::string_view text) {
  if (text == "any") return bj::object{};
  if (text.starts_with('[') && text.ends_with(']') && text.find("|[") == std::string_view::npos)
    return list_of(type_named(text.substr(1, text.size() - 2)));
  for (const char mark : {'|', '/'}) {
    if (text.find(mark) == std::string_view::npos) continue;
    bj::array texts, types;
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t end = std::min(rest.find(mark), rest.size());
      texts.emplace_back(rest.substr(0, end)), types.push_back(type_named(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (mark == '/') return bj::object{{"type", "string"}, {"enum", std::move(texts)}};
    if (text.find("null") != std::string_view::npos) return bj::object{{"type", std::move(texts)}};
    return bj::object{{"oneOf", std::move(types)}};
  }
  if (std::isupper(static_cast<unsigned char>(text[0])) != 0) return reference("schemas", text);
  return bj::object{{"type", text}};
}

/// Cuts `text` at the mark, and gives what stood behind it; empty: there is none.
std::string_view behind(std::string_view& text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + mark.size());
  text = text.substr(0, at);
  return rest;
}

bj::value spelled(const bj::value& brief);

bj::value spelled(std::string_view text) {
  const std::string_view what = behind(text, ": "), initial = behind(text, " = ");
  std::string_view low = behind(text, " ");
  const std::string_view high = behind(low, "..");
  bj::object schema = type_named(text).as_object();
  const bool list = text.starts_with('[');
  if (!low.empty()) schema[list ? "minItems" : "minimum"] = bj::parse(low);
  if (!high.empty()) schema[list ? "maxItems" : "maximum"] = bj::parse(high);
  if (!initial.empty()) schema["default"] = bj::parse(initial);
  if (!what.empty()) schema["description"] = what;
  return schema;
}

bj::object members_of(const bj::object& brief) {
  bj::object properties;
  for (const auto& [name, schema] : brief) {
    if (!name.empty()) properties[name] = spelled(schema);
  }
  return properties;
}

bj::value spelled(const bj::value& brief) {
  if (brief.is_string()) return spelled(std::string_view(brief.get_string()));
  if (brief.is_array()) return list_of(spelled(brief.get_array().front()));
  const bj::object& object = brief.get_object();
  for (const char* own : {"type", "oneOf", "$ref"}) {
    if (object.contains(own)) return brief;
  }
  bj::object schema = {{"type", "object"}, {"properties", members_of(object)}};
  if (const auto* what = object.if_contains("")) schema["description"] = *what;
  return schema;
}

bj::object responses_of(const bj::object& response) {
  const auto* answer = response.if_contains("answer");
  const auto* status = response.if_contains("status");
  const bool binary = response.at("type").as_string() != "text/event-stream";
  bj::object schema = {{"type", "string"}};
  if (binary) schema["contentEncoding"] = "binary";
  bj::object given = {{"description", response.at("description")}};
  given["content"] = bj::object{
      {response.at("type").as_string(), {{"schema", answer != nullptr ? spelled(*answer) : bj::value(schema)}}}};
  if (const auto* headers = response.if_contains("headers")) given["headers"] = *headers;
  return {{status != nullptr ? std::string_view(status->as_string()) : "200", std::move(given)},
          {"default", reference("responses", "Error")}};
}

/// Those that many have, those in the path, and those of the query.
bj::array parameters_of(std::string_view path, const bj::object& brief) {
  bj::array parameters;
  if (const auto* with = brief.if_contains("with")) {
    for (const bj::value& name : with->as_array()) parameters.push_back(reference("parameters", name.as_string()));
  }
  for (std::string_view rest = behind(path, "{"); !rest.empty();) {
    std::string_view name = rest;
    const std::string_view more = behind(name, "}");
    parameters.push_back(
        bj::object{{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "integer"}}}});
    std::string_view gap = more;
    rest = behind(gap, "{");
  }
  const auto* query = brief.if_contains("query");
  if (query == nullptr) return parameters;
  const auto* needs = brief.if_contains("needs");
  for (const auto& [name, schema] : query->as_object()) {
    bj::object parameter = {{"name", name}, {"in", "query"}, {"schema", spelled(schema)}};
    bj::object& own = parameter["schema"].as_object();
    if (const auto* what = own.if_contains("description")) parameter["description"] = *what, own.erase("description");
    if (needs != nullptr && std::ranges::find(needs->as_array(), bj::value(name)) != needs->as_array().end())
      parameter["required"] = true;
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

bj::object operation_of(std::string_view path, const bj::object& brief) {
  bj::object operation = {{"operationId", brief.at("id")}, {"summary", brief.at("summary")}};
  for (const char* name : {"description", "deprecated"}) {
    if (const auto* value = brief.if_contains(name)) operation[name] = *value;
  }
  if (bj::array parameters = parameters_of(path, brief); !parameters.empty())
    operation["parameters"] = std::move(parameters);
  if (const auto* fields = brief.if_contains("fields")) {
    const auto* required = brief.if_contains("required");
    operation["requestBody"] =
        body_of(members_of(fields->as_object()), required != nullptr ? required->as_array() : bj::array());
  }
  const auto* answer = brief.if_contains("answer");
  operation["responses"] =
      answer != nullptr ? answers_of(spelled(*answer)) : responses_of(brief.at("response").as_object());
  return operation;
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
  operation["responses"] = about.tells ? events() : answers_of(answer_of(analysis));
  return operation;
}

/// The fields of all kinds of jobs in one schema; the description of a field that several kinds have gives its meaning
/// for each.
void add_job_fields(bj::object& job, const Analysis& analysis, const std::vector<Field>& fields) {
  bj::object& properties = job.at("properties").as_object();
  properties.at("kind").at("enum").as_array().emplace_back(analysis.about().name);
  for (const Field& field : fields) {
    for (const std::string_view name : {field.name, field.old}) {
      if (name.empty() || field.kind == Kind::file || field.terminal) continue;
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
    const bj::value brief = bj::parse({reinterpret_cast<const char*>(embscope_addresses_begin),
                                       static_cast<std::size_t>(embscope_addresses_end - embscope_addresses_begin)});
    bj::object components = brief.at("components").as_object();
    components["schemas"] = members_of(components["schemas"].as_object());
    bj::object paths;
    for (const auto& [address, operation] : brief.at("addresses").as_object()) {
      std::string_view method = address;
      const std::string_view path = behind(method, " ");
      bj::value& methods = paths[path];
      if (!methods.is_object()) methods.emplace_object();
      methods.get_object()[lower(method)] = operation_of(path, operation.as_object());
    }
    bj::object& job = paths.at("/api/jobs")
                          .at("post")
                          .at("requestBody")
                          .at("content")
                          .at("application/json")
                          .at("schema")
                          .as_object();
    const Analysis& train = *analysis_named("train");  // only a job, whose folder the server chooses
    add_job_fields(job, train, train.fields());
    for (const Analysis* analysis : analyses()) {
      const std::vector<Field> fields = analysis->fields();
      if (!over_http(*analysis)) continue;
      bj::value& path = paths[fmt::format("/api/{}", analysis->about().name)];
      if (!path.is_object()) path.emplace_object();
      path.get_object()[fields.empty() ? "get" : "post"] = operation_of(*analysis, fields);
      add_job_fields(job, *analysis, fields);
    }
    return bj::serialize(bj::object{{"openapi", brief.at("openapi")},
                                    {"info", brief.at("info")},
                                    {"paths", std::move(paths)},
                                    {"components", std::move(components)}});
  }();
  return text;
}

}  // namespace embscope::server
