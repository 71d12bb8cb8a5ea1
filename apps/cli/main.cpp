// The command line: one noun per command, one line per error.
#include <charconv>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "command.h"
#include "embscope/catalogue/catalogue.h"
#include "embscope/kernels/simd.h"
#include "help.h"

namespace {

namespace cli = embscope::cli;

// Names and texts from files appear in messages: they must neither break the line nor control the terminal.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte != 0x7f ? std::string(1, c) : c == '\n' ? "\\n" : fmt::format("\\x{:02x}", byte);
  }
  return out;
}

/// What was given may be a whole book: its middle is left out.
std::string shortened(std::string line) {
  constexpr std::size_t most = 1200, kept = 500;
  if (line.size() <= most) return line;
  const auto within = [&](std::size_t at) { return (static_cast<unsigned char>(line[at]) & 0xc0) == 0x80; };
  std::size_t first = kept, last = line.size() - kept;
  while (first > 0 && within(first)) --first;
  while (last < line.size() && within(last)) ++last;
  return line.replace(first, last - first, " ... ");
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
void expect_command(const std::vector<cli::CommandInfo>& commands, const std::string& word) {
  std::vector<std::string> names;
  for (const cli::CommandInfo& command : commands) {
    if (command.name == word) return;
    names.push_back(command.name);
  }
  if (word.empty() || word[0] == '-') return;
  throw embscope::Error(embscope::Code::usage, "command " + word,
                        "no such command" + embscope::nearest_names(word, names) + "; 'embscope --help' lists all");
}

/// Limits seeds to 0 ... 2^64 - 1: CLI11 would take -1 for 2^64 - 1, and what is larger than that for 2^64 - 1 too.
void check_seeds(CLI::App& command) {
  const CLI::Validator whole(
      [](std::string& text) {
        std::uint64_t seed = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
        const bool fits = error == std::errc() && end == text.data() + text.size();
        return fits ? std::string() : fmt::format("'{}' is not a seed: choose 0 to {}", text, UINT64_MAX);
      },
      "");
  for (const char* name : {"--seed", "--seeds"}) {
    if (CLI::Option* option = command.get_option_no_throw(name)) option->check(whole);
  }
}

void add(CLI::App& app, const cli::CommandInfo& info) {
  CLI::App* command = app.add_subcommand(info.name, info.what);
  command->group(std::string(embscope::heading(info.group)));
  command->footer("Example:\n  embscope " + info.example);
  command->preparse_callback([command, fill = info.fill](std::size_t) {
    fill(*command);
    check_seeds(*command);
  });
}

int run(int argc, char** argv) {
  CLI::App app("Embscope: a microscope for the vectors inside language models", "embscope");
  app.formatter(cli::help());
  app.require_subcommand(1);
  app.set_version_flag("--version", "embscope 0.1.0");
  const std::vector<cli::CommandInfo> commands = cli::commands();
  for (const cli::CommandInfo& info : commands) add(app, info);
  std::string command = argc > 1 ? name_now(argv[1]) : "";
  if (argc > 1) argv[1] = command.data(), expect_command(commands, command);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::Success& success) { return app.exit(success); } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "embscope: {} (see embscope --help)\n", shortened(one_line(error.what())));
    return 2;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    char** arguments = embscope::begin_program(argc, argv);
    if (const auto simd = embscope::variable("EMBSCOPE_SIMD")) embscope::set_simd(*simd);
    const int status = run(argc, arguments);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw cli::output_error();
    return status;
  } catch (const embscope::Error& error) {
    fmt::print(stderr, "embscope: {}\n", shortened(one_line(error.what())));
    return error.code() == embscope::Code::usage ? 2 : 1;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "embscope: not enough memory for this\n");
  } catch (const std::exception& error) {
    const std::string what = std::ferror(stdout) != 0 ? cli::output_error().what() : error.what();
    fmt::print(stderr, "embscope: {}\n", shortened(one_line(what)));
  }
  return 1;
}
