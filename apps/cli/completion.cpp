#include <fmt/format.h>

#include "command.h"

namespace embscope::cli {
namespace {

struct Words {
  std::string commands;
  std::vector<std::pair<std::string, std::string>> options;  // command -> its long options
};

Words words_of_all() {
  Words words;
  for (const CommandInfo& info : commands()) {
    CLI::App command;
    info.fill(command);
    words.commands += (words.commands.empty() ? "" : " ") + info.name;
    std::string options;
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) options += " --" + name;
    }
    words.options.emplace_back(info.name, options);
  }
  return words;
}

std::string bash(const Words& words) {
  std::string cases;
  for (const auto& [command, options] : words.options)
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command, options);
  return fmt::format(
      "_embscope() {{\n  local word=\"${{COMP_WORDS[COMP_CWORD]}}\" words\n  case \"${{COMP_WORDS[1]}}\" in\n{}    *) "
      "words=\"{}\" ;;\n  esac\n"
      "  [ \"$COMP_CWORD\" -eq 1 ] && words=\"{}\"\n  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}}\ncomplete "
      "-o default -F _embscope embscope\n",
      cases, words.commands, words.commands);
}

std::string fish(const Words& words) {
  std::string out = fmt::format("complete -c embscope -n __fish_use_subcommand -f -a '{}'\n", words.commands);
  for (const auto& [command, options] : words.options) {
    for (std::size_t at = 0; (at = options.find("--", at)) != std::string::npos;) {
      const std::size_t end = std::min(options.find(' ', at), options.size());
      out += fmt::format("complete -c embscope -n '__fish_seen_subcommand_from {}' -l {}\n", command,
                         options.substr(at + 2, end - at - 2));
      at = end;
    }
  }
  return out;
}

}  // namespace

void fill_completion(CLI::App& command) {
  auto shell = std::make_shared<std::string>();
  command.add_option("SHELL", *shell, "bash, zsh or fish")->required();
  command.callback([shell] {
    const Words words = words_of_all();
    if (*shell == "bash")
      fmt::print("{}", bash(words));
    else if (*shell == "zsh")
      fmt::print("autoload -U +X bashcompinit && bashcompinit\n{}", bash(words));
    else if (*shell == "fish")
      fmt::print("{}", fish(words));
    else
      throw Error(Code::usage, "completion", fmt::format("'{}': bash, zsh and fish are known", *shell));
  });
}

}  // namespace embscope::cli
