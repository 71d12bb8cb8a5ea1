// models: what is on this machine, wherever a program has put it.
#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/catalogue/size_text.h"
#include "embscope/model/known_models.h"

namespace embscope::catalogue {
namespace {

struct Parameters {};

constexpr Part parts[] = {
    {"models", Kind::table,
     "Columns model (what opens it), store, size in bytes, family, type, opens (yes, or why not), path"},
};

void fields(Parameters&, Visitor&) {}

// For people: sizes to read, and what does not open below the table, each in a line of its own.
Table readable(const Table& models) {
  std::vector<std::string> size, opens;
  for (const double bytes : models.column("size").numbers()) size.push_back(bytes > 0 ? size_text(bytes) : "");
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

AnalysisResult run(const Subject&, const Parameters&, const Progress& progress) {
  Table models = table_of(look_at_models(progress));
  AnalysisResult found;
  found.notes = problems(models);
  found.remarks = unread_folders();
  std::vector<Table> tables;
  if (models.rows() > 0)
    tables.push_back(readable(models));
  else
    found.notes = {"there are none: 'embscope pull gpt2' fetches one"};
  found.people = [tables = std::move(tables)] { return tables; };
  found.add("models", std::move(models));
  return found;
}

}  // namespace

const Analysis& models_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "models",
       .what = "The models on this machine, also those of other programs",
       .group = Group::models,
       .example = "models",
       .more = "Those of Embscope, the Hugging Face hub, Ollama, LM Studio, llama.cpp, GPT4All and the folders in "
               "EMBSCOPE_MODELS.",
       .needs = Needs::nothing,
       .one_table = true,
       .local = true},
      parts, fields, run);
  return made;
}

}  // namespace embscope::catalogue
