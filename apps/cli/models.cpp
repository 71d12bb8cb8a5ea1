#include "embscope/model/known_models.h"

#include <fmt/format.h>

#include "command.h"

namespace embscope::cli {
namespace {

// For people: sizes to read, and what does not open below the table, each in a line of its own.
Table readable(const Table& models) {
  std::vector<std::string> size, opens;
  for (double bytes : models.column("size").numbers()) size.push_back(bytes > 0 ? size_text(bytes) : "");
  for (const std::string& text : models.column("opens").texts()) opens.push_back(text == "yes" ? text : "no");
  Table table(models.title());
  table.add("model", models.column("model").texts()).add("size", size).add("family", models.column("family").texts());
  return std::move(table.add("type", models.column("type").texts()).add("opens", opens));
}

std::vector<std::string> problems(const Table& models) {
  std::vector<std::string> lines;
  const auto &name = models.column("model").texts(), &opens = models.column("opens").texts();
  for (std::size_t i = 0; i < name.size(); ++i)
    if (opens[i] != "yes") lines.push_back(fmt::format("{} does not open: {}", name[i], opens[i]));
  return lines;
}

}  // namespace

void add_models(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "models",
      "The models on this machine: of Embscope, the Hugging Face hub, Ollama, LM Studio, llama.cpp, GPT4All "
      "and the folders in EMBSCOPE_MODELS");
  auto common = std::make_shared<Common>();
  auto* json = command->add_flag("--json", common->json, "Print JSON");
  command->add_flag("--csv", common->csv, "Print CSV")->excludes(json);
  command->footer("Example:\n  embscope models");
  command->callback([common] {
    const Table models = table_of(look_at_models(progress_line()));
    if (common->json || common->csv) return print(*common, models);
    if (models.rows() == 0) return fmt::print("there are none: 'embscope pull gpt2' fetches one\n");
    print(*common, readable(models), problems(models));
  });
}

}  // namespace embscope::cli
