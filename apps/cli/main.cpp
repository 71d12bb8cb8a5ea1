// The command line: one noun per command, one line per error.
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "command.h"
#include "doctor.h"
#include "embscope/catalogue/catalogue.h"
#include "embscope/kernels/simd.h"

namespace {

// Names and texts from files appear in messages: they must neither break the line nor control the terminal.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte != 0x7f ? std::string(1, c) : c == '\n' ? "\\n" : fmt::format("\\x{:02x}", byte);
  }
  return out;
}

/// The name that a command has now, if `word` is one that it had in the version before.
std::string name_now(const std::string& word) {
  for (const embscope::Analysis* analysis : embscope::analyses()) {
    if (word.empty() || analysis->about().old != word) continue;
    const std::string now(embscope::command_of(*analysis));
    fmt::print(stderr, "{} is now {}; the old name goes with the next version\n", word, now);
    return now;
  }
  return word;
}

/// CLI11 would only say that a command is missing.
void expect_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == word) return;
    names.push_back(command->get_name());
  }
  if (word.empty() || word[0] == '-') return;
  throw embscope::Error(embscope::Code::usage, "command " + word,
                        "no such command" + embscope::nearest_names(word, names) + "; 'embscope --help' lists all");
}

int run(int argc, char** argv) {
  CLI::App app("Embscope: a microscope for the vectors inside language models", "embscope");
  app.require_subcommand(1);
  app.set_version_flag("--version", "embscope 0.1.0");
  app.footer("Start with:\n  embscope tour");
  namespace cli = embscope::cli;
  for (auto add : {cli::add_info, cli::add_tokens, cli::add_chat, cli::add_analyses, cli::add_run, cli::add_serve,
                   cli::add_pull, cli::add_catalogue, cli::add_doctor, cli::add_completion}) {
    add(app);
  }
  cli::check_seeds(app);
  std::string command = argc > 1 ? name_now(argv[1]) : "";
  if (argc > 1) argv[1] = command.data(), expect_command(app, command);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::Success& success) { return app.exit(success); } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "embscope: {} (see embscope --help)\n", error.what());
    return 2;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    char** arguments = embscope::begin_program(argc, argv);
    if (const auto simd = embscope::variable("EMBSCOPE_SIMD")) embscope::set_simd(*simd);
    const int status = run(argc, arguments);
    if (std::fflush(stdout) != 0)
      throw embscope::Error(embscope::Code::io, "standard output",
                            "cannot write: the disk is full or the output closed");
    return status;
  } catch (const embscope::Error& error) {
    fmt::print(stderr, "embscope: {}\n", one_line(error.what()));
    return error.code() == embscope::Code::usage ? 2 : 1;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "embscope: not enough memory for this\n");
  } catch (const std::exception& error) { fmt::print(stderr, "embscope: {}\n", error.what()); }
  return 1;
}
