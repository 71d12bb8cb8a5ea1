// families: what opens, from which form, and what is refused.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"
#include "embscope/model/families.h"

namespace embscope::cli {
namespace {

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

}  // namespace

void add_families(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("families", "Which families of models open, from which form, and what is refused");
  command->footer("Example:\n  embscope families");
  auto json = std::make_shared<bool>(false), csv = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print JSON");
  command->add_flag("--csv", *csv, "Print what opens as CSV")->excludes("--json");
  command->callback([json, csv] {
    const Table opens = open_table(), refused = refused_table();
    if (*csv) return fmt::print("{}", opens.csv());
    if (*json) return fmt::print("{{\"opens\":{},\"refused\":{}}}\n", opens.json(), refused.json());
    fmt::print("{}\n{}\nWhatever else is not in the first table is refused by its name.\n", opens.text(),
               refused.text());
  });
}

}  // namespace embscope::cli
