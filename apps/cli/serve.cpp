#include "server/server.h"

#include "command.h"
#include "embscope/base/threads.h"

namespace embscope::cli {

void add_serve(CLI::App& app) {
  CLI::App* command = app.add_subcommand("serve", "The explorer in the browser, and its HTTP API");
  auto o = std::make_shared<server::ServeOptions>();
  auto threads = std::make_shared<int>(0);
  auto closed = std::make_shared<bool>(false);
  command
      ->add_option("-m,--model", o->models,
                   "Models; the first is the usual one (default: $EMBSCOPE_MODEL, else smollm2)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--port", o->port, "Port; 0: any free one")->capture_default_str();
  command->add_option("--host", o->host, "Address to listen at; others than this machine's own are open to the network")
      ->capture_default_str();
  command->add_flag("--class", o->for_class,
                    "For a class: one code lets any number in, each with experiments of their own; they open no "
                    "models and write no files");
  command->add_flag("--no-open", *closed, "Do not open the browser");
  command->add_option("--threads", *threads, "Threads of one computation (results do not depend on it)")
      ->check(CLI::Range(1, 1024));
  command->footer("Example:\n  embscope serve -m smollm2 --port 8765");
  command->callback([o, threads, closed] {
    if (*threads != 0) set_threads(*threads);
    if (o->models.empty()) {
      const char* named = std::getenv("EMBSCOPE_MODEL");
      o->models = {named != nullptr ? named : "smollm2"};
    }
    o->open = !*closed;
    server::serve(*o);
  });
}

}  // namespace embscope::cli
