#include "embscope/hub/hub.h"

#include <fmt/format.h>

#include "command.h"

namespace embscope::cli {

void fill_pull(CLI::App& command) {
  auto name = std::make_shared<std::string>();
  command
      .add_option(
          "NAME", *name,
          "smollm2, gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2, OWNER/NAME, or OWNER/NAME:TAG of a GGUF (TAG "
          "such as Q4_K_M)")
      ->required();
  command.callback([name] {
    const PullResult pulled = pull(*name, progress_line());
    if (!pulled.store.empty())
      fmt::print("another program has fetched it already ({}): it is used where it lies\n", pulled.store);
    fmt::print("{}\nuse it with -m {}\n", pulled.path.string(), pulled.name);
  });
}

}  // namespace embscope::cli
