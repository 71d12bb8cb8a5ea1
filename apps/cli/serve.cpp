#include "server/server.h"

#include "command.h"
#include "embscope/base/threads.h"

namespace embscope::cli {

void fill_serve(CLI::App& command) {
  auto o = std::make_shared<server::ServeOptions>();
  auto threads = std::make_shared<int>(0);
  auto closed = std::make_shared<bool>(false);
  command
      .add_option("-m,--model", o->models,
                  "Models; the first is the default model (default: $EMBSCOPE_MODEL, or smollm2 if not set)")
      ->type_name("MODEL")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--port", o->port, "Port; 0: any free one")->capture_default_str();
  command.add_option("--host", o->host, "Address to listen on; any address except loopback is open to the network")
      ->type_name("ADDRESS")
      ->capture_default_str();
  command.add_flag("--class", o->for_class,
                   "For a class: one code admits any number of guests; each has separate experiments and cannot open "
                   "models or write files");
  command.add_flag("--no-open", *closed, "Do not open the browser");
  add_threads(command, *threads);
  command.callback([o, threads, closed] {
    if (*threads != 0) set_threads(*threads);
    if (o->models.empty()) o->models = {variable("EMBSCOPE_MODEL").value_or("smollm2")};
    o->open = !*closed;
    server::serve(*o);
  });
}

}  // namespace embscope::cli
