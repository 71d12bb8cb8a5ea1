#include "help.h"

#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace embscope::cli {
namespace {

constexpr std::size_t left_width = 28, line_width = 90;

/// The first word of a text; a quotation is one word.
std::string_view first_word(std::string_view text) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < text.size() && (quoted || text[end] != ' '); ++end) quoted ^= text[end] == '"';
  return text.substr(0, end);
}

/// Words in lines of at most `width` characters; a longer word keeps a line of its own.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view word = first_word(text.substr(at));
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
    at += word.size() + 1;
  }
  return lines;
}

/// A left column and a text beside it; below it, if the left column is too narrow.
std::string beside(const std::string& left, std::string_view text) {
  std::string out = fmt::format("{:<{}}", left, left_width);
  const std::string margin = "\n" + std::string(left_width, ' ');
  if (left.size() + 2 > left_width) out = left + margin;
  return fmt::format("{}{}\n", out, fmt::join(wrapped(text, line_width - left_width), margin));
}

/// The word for an option's value: CLI11 adds what it checks behind a colon.
std::string value_name(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::string name = type.substr(0, type.find(':'));
  return name == "INT" || name == "UINT" ? "N" : name == "FLOAT" ? "NUMBER" : name;
}

std::string names_of(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) names += (names.empty() ? "-" : ", -") + name;
  if (names.empty()) names = "   ";
  for (const std::string& name : option.get_lnames()) names += (names == "   " ? " --" : ", --") + name;
  return names;
}

class Help : public CLI::Formatter {
 public:
  /// CLI11 leaves an empty line for a group of hidden options.
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    return CLI::detail::find_and_replace(CLI::Formatter::make_help(app, std::move(name), mode), "\n\n\n", "\n\n");
  }

  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    const bool takes_value = option->get_type_size() != 0;
    std::string left = "  " + (is_positional ? option->get_single_name() : names_of(*option));
    if (takes_value && !is_positional) left += " " + value_name(*option);
    if (takes_value && option->get_expected_max() == CLI::detail::expected_max_vector_size) left += " ...";
    std::string text = option->get_description();
    if (option->get_required() && !is_positional) text += " (required)";
    if (takes_value && !option->get_default_str().empty())
      text += fmt::format(" (default: {})", option->get_default_str());
    return beside(left, text);
  }

  std::string make_subcommand(const CLI::App* command) const override {
    return fmt::format("  {:<{}}{}\n", command->get_name(), left_width - 2, command->get_description());
  }
};

}  // namespace

std::shared_ptr<CLI::Formatter> help() { return std::make_shared<Help>(); }

}  // namespace embscope::cli
