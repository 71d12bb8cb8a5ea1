// What this machine is, what of it Embscope uses, what is missing and how to get it: one screen.
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"
#include "embscope/base/machine.h"
#include "embscope/base/threads.h"
#include "embscope/hub/hub.h"
#include "embscope/kernels/simd.h"
#include "embscope/model/known_models.h"

namespace embscope::cli {
namespace {

namespace fs = std::filesystem;

class Report {
 public:
  void add(std::string what, std::string found, std::string advice = "") {
    what_.push_back(std::move(what)), found_.push_back(std::move(found)), advice_.push_back(std::move(advice));
  }
  /// "-" where it is not there, with what to do.
  void part(std::string what, const std::string& found, std::string advice) {
    const bool there = !found.empty();
    add(std::move(what), there ? found : "-", there ? "" : std::move(advice));
  }
  Table table() const {
    Table table("this machine");
    return std::move(table.add("what", what_).add("found", found_).add("missing", advice_));
  }

 private:
  std::vector<std::string> what_, found_, advice_;
};

void add_machine(Report& report) {
  const Machine machine = this_machine();
  report.add("system", machine.system);
  if (!machine.processor.empty()) report.add("processor", machine.processor);
  std::vector<std::string> sets;
  std::string advice;
  for (const SimdTarget& target : simd_targets()) {
    sets.push_back(target.name + (target.in_use ? " (in use)" : ""));
    if (target.in_use && !target.fused)
      advice = "fused multiply-add: the last places of results differ from other machines";
  }
  report.add("instruction sets", fmt::format("{}", fmt::join(sets, ", ")), advice);
  report.add("threads", fmt::format("{} of {} processors", threads(), machine.processors));
  const std::string memory = size_text(static_cast<double>(machine.memory));  // what is free may be unknown: no /proc
  const std::string free = size_text(static_cast<double>(machine.free_memory));
  report.add("memory", machine.free_memory == 0 ? memory : fmt::format("{}, {} free", memory, free));
}

// Empty where a file can be written there; otherwise why not.
std::string problem_of(const fs::path& folder) {
  try {
    fs::path there = folder;
    while (!fs::exists(there) && there.has_relative_path()) there = there.parent_path();
    expect_writable(there / "embscope-doctor");
    return "";
  } catch (const std::exception& error) { return error.what(); }
}

void add_cache(Report& report) {
  const fs::path cache = cache_folder();
  fs::path there = cache;
  while (!fs::exists(there) && there.has_relative_path()) there = there.parent_path();
  std::error_code error;
  const fs::space_info space = fs::space(there, error);
  const std::string free = error ? "" : fmt::format(", {} free", size_text(static_cast<double>(space.available)));
  report.add("cache", cache.string() + free, problem_of(cache));
}

void add_stores(Report& report) {
  const std::vector<KnownModel> models = look_at_models(progress_line());
  for (std::string_view store : store_names()) {
    std::vector<std::string> folders;
    for (const fs::path& folder : store_folders(store)) folders.push_back(folder.string());
    if (folders.empty()) continue;
    int opens = 0, all = 0;
    for (const KnownModel& model : models)
      if (model.store == store) ++all, opens += model.problem.empty() ? 1 : 0;
    const std::string count = fmt::format("{} model{} in {}", all, all == 1 ? "" : "s", fmt::join(folders, ", "));
    report.add(fmt::format("models: {}", store), count,
               opens < all ? fmt::format("{} do not open: 'embscope models' says why", all - opens) : "");
  }
  if (models.empty()) report.add("models", "-", "fetch one: embscope pull gpt2");
}

std::string first_of(std::initializer_list<const char*> programs) {
  for (const char* name : programs)
    if (const fs::path found = find_program(name); !found.empty()) return found.string();
  return "";
}

void add_parts(Report& report) {
  const std::string fetching = fetching_problem();
  report.part("fetching models", fetching.empty() ? "ready" : "", fetching);
  std::string pictures;
  try {
    expect_figure("embscope-doctor.svg");
  } catch (const Error& error) {  // a folder that cannot be written to is another matter
    if (error.code() == Code::unsupported) pictures = error.message();
  }
  report.part("figures as .svg and .png", pictures.empty() ? "vl-convert" : "", pictures);
  report.add("figures as .html and .json", "built in");
  report.add("patterns of tokenizers", "Oniguruma, built in");
  report.part(
      "Python", first_of({"python3", "python"}),
      "apt install python3, dnf install python3, brew install python or winget install Python.Python.3.13; then pip "
      "install the wheel");
  report.part("browser for the explorer",
              first_of({"xdg-open", "open", "explorer", "firefox", "chromium", "chromium-browser", "google-chrome"}),
              "any browser on this machine or, through ssh -L, on another one");
}

}  // namespace

void fill_doctor(CLI::App& command) {
  const auto common = std::make_shared<Common>();
  add_formats(command, *common);
  command.callback([common] {
    Report report;
    add_machine(report);
    add_cache(report);
    add_stores(report);
    add_parts(report);
    print(*common, report.table());
  });
}

}  // namespace embscope::cli
