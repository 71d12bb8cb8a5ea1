// catalogue: the analyses as data, from which the Python functions, the explorer's types and the reference are
// generated.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "server/answers.h"

#include "command.h"
#include "embscope/catalogue/catalogue.h"

namespace embscope::cli {
namespace {

namespace bj = boost::json;

bj::object described(const Field& field) {
  bj::object out = {
      {"name", field.name}, {"kind", name(field.kind)}, {"what", field.what}, {"required", field.required}};
  if (!field.old.empty()) out["old"] = field.old;
  if (!field.choices.empty()) out["choices"] = field.choices;
  if (field.least != -Field::none) out["least"] = field.least;
  if (field.most != Field::none) out["most"] = field.most;
  if (field.has_initial) out["initial"] = server::json_of(field.initial);
  return out;
}

std::string_view name(Needs needs) {
  switch (needs) {
    case Needs::nothing: return "nothing";
    case Needs::model: return "model";
    case Needs::space: return "space";
    case Needs::transformer: return "transformer";
  }
  return "";
}

bj::object described(const Analysis& analysis) {
  const auto& about = analysis.about();
  bj::array fields, parts;
  for (const Field& field : analysis.fields()) {
    if (!field.terminal) fields.push_back(described(field));
  }
  for (const Part& part : analysis.parts())
    parts.push_back(bj::object{{"name", part.name}, {"kind", name(part.kind)}, {"what", part.what}});
  return {{"name", about.name},           {"what", about.what},         {"more", about.more},
          {"example", about.example},     {"needs", name(about.needs)}, {"http", over_http(analysis)},
          {"one_table", about.one_table}, {"gives", about.gives},       {"fields", std::move(fields)},
          {"answer", std::move(parts)}};
}

}  // namespace

void fill_catalogue(CLI::App& command) {
  auto api = std::make_shared<bool>(false);
  command.add_flag("--api", *api, "Print the HTTP API instead, as OpenAPI 3.1");
  command.callback([api] {
    if (*api) return fmt::print("{}\n", server::openapi());
    bj::array all;
    for (const Analysis* analysis : analyses()) all.push_back(described(*analysis));
    fmt::print("{}\n", bj::serialize(all));
  });
}

}  // namespace embscope::cli
