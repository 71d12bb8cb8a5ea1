#include "embscope/hub/hub.h"

#include <fmt/format.h>

#include "command.h"

namespace embscope::cli {

void add_pull(CLI::App& app) {
  CLI::App* command = app.add_subcommand("pull", "Fetch a model from the Hugging Face hub into the cache");
  command->footer("Example:\n  embscope pull gpt2");
  auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2 or OWNER/NAME")->required();
  command->callback([name] {
    const auto folder = pull(*name, progress_line());
    fmt::print("{}\nuse it with -m {}\n", folder.string(), *name);
  });
}

}  // namespace embscope::cli
