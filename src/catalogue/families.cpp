// families: what opens, from which form, and what is refused.
#include "embscope/model/families.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalogue/describe.h"

namespace embscope::catalogue {
namespace {

struct Parameters {};

constexpr Part parts[] = {
    {"opens", Kind::table, "What opens: columns family, model_type (of config.json), gguf (its architecture there)"},
    {"refused", Kind::table, "What is refused by its name: columns what, model_type"},
};

void fields(Parameters&, Visitor&) {}

Table open_table() {
  std::vector<std::string> family, type, gguf;
  for (const OpenFamily& f : open_families())
    family.emplace_back(f.name), type.emplace_back(f.model_type), gguf.emplace_back(f.gguf);
  Table table("opens");
  return std::move(table.add("family", family).add("model_type", type).add("gguf", gguf));
}

Table refused_table() {
  std::vector<std::string> why, types;
  for (const RefusedFamilies& kind : refused_families())
    why.emplace_back(kind.why), types.push_back(fmt::format("{}", fmt::join(kind.model_types, ", ")));
  Table table("is refused");
  return std::move(table.add("what", why).add("model_type", types));
}

AnalysisResult run(const Subject&, const Parameters&, const Progress&) {
  AnalysisResult found;
  Table opens = open_table(), refused = refused_table();
  found.people = [tables = std::vector{opens, refused}] { return tables; };
  found.notes = {"Whatever else is not in the first table is refused by its name."};
  found.add("opens", std::move(opens)).add("refused", std::move(refused));
  return found;
}

}  // namespace

const Analysis& families_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "families",
       .what = "Which families of models open, from which form, and what is refused",
       .group = Group::models,
       .example = "families",
       .needs = Needs::nothing,
       .quick = true,
       .whole = true},
      parts, fields, run);
  return made;
}

}  // namespace embscope::catalogue
