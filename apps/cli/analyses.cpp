// Every analysis of the catalogue as a command, or as a flag of a command (attribute --gradient).
#include <algorithm>
#include <cctype>
#include <csignal>
#include <list>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"
#include "input.h"
#include "subject.h"

#include "embscope/base/threads.h"

namespace embscope::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

/// The line of progress. Ctrl-C ends work that is kept in a file in the way that `stop` does, so that it is kept.
Progress progress_of(const Values& values) {
  if (!values.contains("resume")) return progress_line();
  std::signal(SIGINT, [](int) { interrupted = 1; });
  return [line = progress_line()](double fraction, std::string_view what) {
    return interrupted == 0 && (!line || line(fraction, what));
  };
}

/// The analyses of one command: one of its own, and forms of it that a flag asks for, or a value of --show, or an
/// option of their own.
class Question {
 public:
  Question(CLI::App& command, const std::vector<const Analysis*>& forms) {
    for (const Analysis* analysis : forms) forms_.push_back({analysis, {}, {}});
    add_options(command, forms.front()->about());
    for (Form& form : forms_) add_flag(command, form);
    for (const Form& form : forms_) add_fields(command, form);
    for (Form& form : forms_) find_flags(command, form);
    limit_figures(command);
    for (const Form& form : forms_) add_tables(command, form);
    for (const Form& form : forms_) add_writer(command, form);
    add_show(command);
  }
  Question(const Question&) = delete;

  void run() const {
    const Form& form = asked();
    const auto& about = form.about();
    if (about.needs == Needs::nothing && !common_->model.empty())
      throw Error(Code::usage, std::string(about.name), "-m: no model is asked here");
    Values values;
    for (const Input& input : inputs_) {
      if (form.has(input.field().name))
        input.give(values);
      else if (input.given())
        refuse(input, form);
    }
    if (common_->threads != 0) set_threads(common_->threads);
    const Analysis::CheckedRequest question = form.analysis->ask(values);
    const NamedSubject on(common_, about.needs, values, !to_.empty());
    const AnalysisResult found = question.run(on, about.tells ? Progress() : progress_of(values));
    tell(on, found);
    show(form, found);
    if (found.page && common_->save.ends_with(".html"))
      write_file(common_->save, found.page(found));
    else if (form.has_figure())
      save_figure(*common_, [&] { return found.figure(); });
    if (found.failure) throw Error(*found.failure);
  }

 private:
  struct Form {
    const Analysis* analysis;
    std::vector<CLI::Option*> flags;  // any of which asks for it; none: by `value`, or it is the command itself
    std::string value;                // of --show
    const Analysis::About& about() const { return analysis->about(); }
    bool has(std::string_view field) const {
      return std::ranges::any_of(analysis->fields(), [&](const Field& one) { return one.name == field; });
    }
    bool requires_field(std::string_view field) const {
      return std::ranges::any_of(analysis->fields(), [&](const Field& one) {
        return one.name == field && one.required && one.kind != Kind::edits;
      });
    }
    bool takes_text() const {  // the tour has texts of its own, and prints commands that run without --no-bos
      return (about().needs == Needs::transformer && !about().local) ||
             std::ranges::any_of(analysis->fields(),
                                 [](const Field& one) { return one.kind == Kind::text || one.kind == Kind::texts; });
    }
    bool asks_by(std::string_view option) const {
      return std::ranges::any_of(analysis->fields(), [&](const Field& one) { return option_of(one) == option; });
    }
    bool has_figure() const {
      return std::ranges::find(analysis->parts(), Kind::figure, &Part::kind) != analysis->parts().end();
    }
    std::string first_table() const {
      return std::string(std::ranges::find(analysis->parts(), Kind::table, &Part::kind)->name);
    }
  };
  struct TableFlag {
    const Form* form;
    std::string_view table;
    CLI::Option* flag;
  };

  void add_options(CLI::App& command, const Analysis::About& about) {
    if (about.subject.empty())
      add_model(command, common_->model);
    else
      command.add_option(std::string(about.subject), common_->model, "A model, or a file of vectors")->required();
    add_formats(command, *common_);
    if (any(&Form::has_figure)) add_figure(command, *common_);
    add_threads(command, common_->threads);
    if (any(&Form::takes_text)) add_bos(command, *common_);
    if (about.needs == Needs::transformer) add_explain(command, *common_);
    if (!about.dropped.empty()) command.add_flag(std::string(about.dropped))->group("");
  }

  bool any(bool (Form::*is)() const) const {
    return std::ranges::any_of(forms_, [is](const Form& form) { return (form.*is)(); });
  }

  /// "--gradient" is a flag, and "--show=pairs" a value.
  void add_flag(CLI::App& command, Form& form) {
    const std::string_view flag = form.about().flag;
    if (const std::size_t equals = flag.find('='); equals != std::string_view::npos)
      form.value = flag.substr(equals + 1);
    else if (flag.starts_with("--") && flag.find(' ') == std::string_view::npos && !form.asks_by(flag))
      form.flags = {command.add_flag(std::string(flag))->description(std::string(form.about().what))};
    for (const Form& other : forms_) {
      if (&other != &form && !other.flags.empty() && !form.flags.empty()) form.flags[0]->excludes(other.flags[0]);
    }
  }

  /// "--text --file": its own options.
  void find_flags(CLI::App& command, Form& form) {
    std::string_view rest = form.about().flag;
    if (!form.flags.empty() || !form.value.empty()) return;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      form.flags.push_back(command.get_option(std::string(rest.substr(0, end))));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

  void add_show(CLI::App& command) {
    std::vector<std::string> values;
    for (const Form& form : forms_) {
      if (!form.value.empty()) values.push_back(form.value);
    }
    if (values.empty()) return;
    values.insert(values.begin(), forms_.front().first_table());
    show_ = values.front();
    command.add_option("--show", show_, fmt::format("What is shown: {}", fmt::join(values, ", ")))
        ->check(CLI::IsMember(values));
  }

  const Form& asked() const {
    const auto is_asked = [](const CLI::Option* option) { return option->count() > 0; };
    for (const Form& form : forms_) {
      if (std::ranges::any_of(form.flags, is_asked)) return form;
    }
    const auto shown =
        std::ranges::find_if(forms_, [&](const Form& f) { return !f.value.empty() && f.value == show_; });
    return shown != forms_.end() ? *shown : forms_.front();
  }

  /// On standard error, what the answer does not show.
  void tell(const NamedSubject& on, const AnalysisResult& found) const {
    const bool written = on.speed().tokens() > 0;
    on.end_text();
    if (written && !common_->json && !common_->csv) fmt::print("\n");
    for (const std::string& line : found.explained) remark(common_->explain ? line : "");
    for (const std::string& line : found.remarks) remark(line);
    if (written && is_terminal(Stream::errors)) remark(on.speed().text());
    if (!to_.empty()) remark(found.write(found, to_));
  }

  /// An option that the form has no field for would change nothing; of the forms of --show it never did.
  void refuse(const Input& input, const Form& form) const {
    const auto owner = std::ranges::find_if(forms_, [&](const Form& one) { return one.has(input.field().name); });
    if (!form.value.empty() || !owner->value.empty()) return;
    const std::string with = form.flags.empty() ? std::string(form.about().name) : form.flags[0]->get_name();
    const std::string only = owner->flags.empty() ? "" : fmt::format(" (it goes with {})", owner->flags[0]->get_name());
    throw Error(Code::usage, std::string(command_of(*form.analysis)),
                fmt::format("{} with {}: leave one of them out{}", input.name(), with, only));
  }

  /// --save, where only one form has a figure.
  void limit_figures(CLI::App& command) const {
    const auto drawn = std::ranges::find_if(forms_, &Form::has_figure);
    if (drawn != forms_.end() && drawn != forms_.begin() && !drawn->flags.empty())
      command.get_option("--save")->needs(drawn->flags[0]);
  }

  void add_fields(CLI::App& command, const Form& form) {
    const bool by_flag = form.about().flag.starts_with("--") && form.flags.size() == 1;
    for (const Field& field : form.analysis->fields()) {
      const bool known = std::ranges::any_of(inputs_, [&](const Input& one) { return one.field().name == field.name; });
      if (known || field.option == "-") continue;
      CLI::Option* option = inputs_.emplace_back(command, field).option();
      option->required(std::ranges::all_of(forms_, [&](const Form& one) { return one.requires_field(field.name); }));
      if (by_flag) option->needs(form.flags[0]);
    }
  }

  void add_tables(CLI::App& command, const Form& form) {
    for (const Part& part : form.analysis->parts()) {
      if (part.option.empty()) continue;
      CLI::Option* printed = command.get_option_no_throw(std::string(part.option));  // another form's too
      if (printed == nullptr)
        printed = command.add_flag(std::string(part.option))->description("Print instead: " + std::string(part.what));
      if (!part.excludes.empty()) printed->excludes(command.get_option(std::string(part.excludes)));
      tables_.push_back({&form, part.name, printed});
    }
    if (form.about().shown > 0 && command.get_option_no_throw("-n") == nullptr)
      command.add_option("-n", most_, "Rows of a list printed for people")->check(CLI::Range(1, 10000000));
  }

  void add_writer(CLI::App& command, const Form& form) {
    const auto& about = form.about();
    if (about.writes.empty()) return;
    CLI::Option* option = command.add_option(std::string(about.to), to_, std::string(about.writes))
                              ->type_name("FILE")
                              ->check(takes_arrays);
    if (!form.flags.empty()) option->needs(form.flags[0]);
  }

  void show(const Form& form, const AnalysisResult& found) const {
    const bool machine = common_->json || common_->csv;
    const auto chosen = std::ranges::find_if(
        tables_, [&](const TableFlag& one) { return one.form->analysis == form.analysis && one.flag->count() > 0; });
    const std::size_t most = machine ? 0 : most_ > 0 ? most_ : form.about().shown;
    const auto some = [&](const Table& table) { return most > 0 ? head(table, most) : table; };
    if (chosen != tables_.end()) return print(*common_, some(found.table(chosen->table)), found.notes);
    if (common_->json && form.about().whole) return print_whole(found);
    if (machine) return print(*common_, first(found), found.notes);
    std::vector<Table> tables;
    if (found.people)
      tables = found.people();
    else
      tables.push_back(some(first(found)));
    for (std::size_t i = 0; i + 1 < tables.size(); ++i) fmt::print("{}\n", tables[i].text());
    if (!tables.empty()) return print(*common_, tables.back(), found.notes);
    for (const std::string& note : found.notes) fmt::print("{}\n", note);
    explain(*common_);
  }

  static const Table& first(const AnalysisResult& found) {
    std::size_t index = 0;
    for (const auto& [name, content] : found.parts()) {
      if (const auto* table = std::get_if<Table>(&content); table != nullptr && index++ == found.first) return *table;
    }
    throw Error(Code::unsupported, "answer", "it has no table");
  }

  void print_whole(const AnalysisResult& found) const {
    std::string text;
    for (const auto& [name, content] : found.parts()) {
      const std::string before = fmt::format("{}\"{}\":", text.empty() ? "{" : ",", name);
      if (const auto* number = std::get_if<double>(&content)) text += fmt::format("{}{}", before, *number);
      if (const auto* table = std::get_if<Table>(&content)) text += before + table->json();
    }
    fmt::print("{}}}\n", text);
    explain(*common_);
  }

  std::shared_ptr<Common> common_ = std::make_shared<Common>();
  std::list<Form> forms_;    // to which tables point
  std::list<Input> inputs_;  // which CLI11 holds by address
  std::vector<TableFlag> tables_;
  std::string to_, show_;
  std::size_t most_ = 0;
};

/// The command's own analysis first.
std::vector<const Analysis*> forms_of(std::string_view command) {
  std::vector<const Analysis*> forms;
  std::ranges::copy_if(analyses(), std::back_inserter(forms),
                       [&](const Analysis* one) { return command_of(*one) == command; });
  std::ranges::stable_partition(forms, [](const Analysis* form) { return form->about().flag.empty(); });
  return forms;
}

}  // namespace

std::vector<CommandInfo> commands_of_catalogue() {
  std::vector<CommandInfo> all;
  for (const Analysis* analysis : analyses()) {
    const auto& about = analysis->about();
    const std::string_view command = command_of(*analysis);
    std::string name(command);
    std::ranges::replace(name, '_', '-');
    if (about.by_hand || std::ranges::find(all, name, &CommandInfo::name) != all.end()) continue;
    const auto fill = [command](CLI::App& app) {
      const auto question = std::make_shared<const Question>(app, forms_of(command));
      app.callback([question] { question->run(); });
    };
    all.push_back({about.group, name, std::string(about.what), std::string(about.example), fill});
  }
  return all;
}

}  // namespace embscope::cli
