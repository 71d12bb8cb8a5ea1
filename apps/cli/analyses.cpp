// Every analysis of the catalogue as a command, or as a flag of a command (attribute --gradient).
#include <algorithm>
#include <cctype>
#include <csignal>
#include <list>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"
#include "embscope/catalogue/catalogue.h"

namespace embscope::cli {
namespace {

constexpr std::int64_t shown_positions = 16;  // of a long text: what fits a terminal

/// What -m names.
class Named : public Subject {
 public:
  Named(const Common& common, Needs needs) : common_(common), needs_(needs) {}

  const Transformer& transformer() const override { return common_.transformer(); }
  const Model& model() const override {
    if (needs_ == Needs::transformer) return common_.transformer().model();
    if (!model_) model_ = common_.open();
    return *model_;
  }
  const Space& space() const override {
    if (!space_) space_ = std::make_unique<const Space>(common_.space());
    return *space_;
  }
  bool has_model() const override { return needs_ == Needs::transformer || !common_.has_vectors_only(); }
  std::int64_t usual_positions() const override { return shown_positions; }

  /// Says once of each word how it is read, where that is not as it is written.
  void note(const NamedToken& token) const override {
    if (said_.insert(token.text).second) explain_word(model(), token);
  }

 private:
  const Common& common_;
  Needs needs_;
  mutable std::shared_ptr<const Model> model_;
  mutable std::unique_ptr<const Space> space_;
  mutable std::set<std::string, std::less<>> said_;
};

volatile std::sig_atomic_t interrupted = 0;

/// The line of progress; of work that is kept in a file, Ctrl-C ends it as if it were told to stop, so that it is kept.
Progress progress_of(const Values& values) {
  if (!values.contains("resume")) return progress_line();
  std::signal(SIGINT, [](int) { interrupted = 1; });
  return [line = progress_line()](double fraction, std::string_view what) {
    return interrupted == 0 && (!line || line(fraction, what));
  };
}

std::string dashed(std::string_view name) {
  std::string out = "--" + std::string(name);
  std::ranges::replace(out, '_', '-');
  return out;
}

std::string option_of(const Field& field) {
  return field.option.empty() ? dashed(field.name) : std::string(field.option);
}

/// One field as options of a command.
class Input {
 public:
  Input(CLI::App& command, const Field& field) : field_(field) {
    add(command);
    if (!field.old.empty()) {
      old_ = std::make_unique<Input>(command, renamed(field));
      old_->option_->group("");  // not in the help
    }
  }

  const Field& field() const { return field_; }
  CLI::Option* option() const { return option_; }

  void give(Values& values) const {
    if (old_ && old_->option_->count() > 0) {
      fmt::print(stderr, "{} is now {}; the next version will not accept the old name\n", option_of(old_->field_),
                 option_of(field_));
      old_->give(values);
    }
    if (Value::List edits = given_edits(); field_.kind == Kind::edits && !edits.empty())
      values.emplace(field_.name, Value{std::move(edits)});
    else if (option_->count() > 0 && field_.kind != Kind::edits)
      values.emplace(field_.name, value());
  }

 private:
  static Field renamed(const Field& field) {
    Field old = field;
    old.name = field.old, old.option = {}, old.old = {};
    return old;
  }

  void add(CLI::App& command) {
    const std::string name = option_of(field_), what(field_.what);
    switch (field_.kind) {
      case Kind::integer: option_ = command.add_option(name, whole_, what); break;
      case Kind::seed: option_ = command.add_option(name, seed_, what); break;
      case Kind::number: option_ = command.add_option(name, real_, what); break;
      case Kind::flag: option_ = command.add_flag(name, set_, what); break;
      case Kind::tokens:
      case Kind::names:
      case Kind::vectors: option_ = command.add_option(name, texts_, what); break;
      case Kind::integers: option_ = command.add_option(name, wholes_, what)->delimiter(','); break;
      case Kind::numbers: option_ = command.add_option(name, reals_, what)->delimiter(','); break;
      case Kind::edits: add_edits(command); break;
      default: option_ = command.add_option(name, text_, what);
    }
    if (field_.written) option_->check(takes_file);
    if (field_.count > 0) option_->expected(static_cast<int>(field_.count));
    if (field_.required && field_.kind != Kind::edits) option_->required();
    if (field_.has_initial && field_.kind != Kind::flag) option_->default_str(initial(field_.initial));
  }

  void add_edits(CLI::App& command) {
    const auto several = [](CLI::Option* option) {
      return option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    };
    option_ = several(command.add_option(
        "--at", at_,
        "Where an edit applies: SITE[@POSITIONS][/HEADS]; a position is a number or a word of the text in quotes"));
    std::vector<std::string_view> forms;
    for (const ChangeInfo& info : changes()) forms.push_back(info.form);
    several(command.add_option(
        "--do", do_,
        fmt::format("What the edit does, one --do for each --at: {}; V such as \"' king' - ' man' + ' woman'\"",
                    fmt::join(forms, ", "))));
    command.add_option("--edits", file_, "A JSON file of edits: [{\"at\": \"wte@3\", \"do\": \"zero\"}, ...]");
  }

  static std::string initial(const Value& value) {
    if (const auto* list = std::get_if<Value::List>(&value.is)) {
      std::vector<std::string> texts;
      for (const Value& one : *list) texts.push_back(initial(one));
      return fmt::format("{}", fmt::join(texts, " "));
    }
    if (const auto* text = std::get_if<std::string>(&value.is)) return *text;
    if (const auto* real = std::get_if<double>(&value.is)) return fmt::format("{}", *real);
    const auto* whole = std::get_if<std::int64_t>(&value.is);
    return whole != nullptr ? fmt::format("{}", *whole) : std::string();
  }

  template <class T>
  static Value list_of(const std::vector<T>& values) {
    Value::List list;
    for (const T& one : values) list.push_back(Value{one});
    return {list};
  }

  Value value() const {
    switch (field_.kind) {
      case Kind::integer: return {whole_};
      case Kind::seed: return {seed_};
      case Kind::number: return {real_};
      case Kind::flag:
        return {set_ != std::get<bool>(field_.initial.is)};  // --no-... turns off a flag whose default is on
      case Kind::tokens:
      case Kind::names:
      case Kind::vectors: return list_of(texts_);
      case Kind::integers: return list_of(wholes_);
      case Kind::numbers: return list_of(reals_);
      default: return {text_};
    }
  }

  Value::List given_edits() const {
    Value::List edits;
    if (at_.size() != do_.size())
      throw Error(
          Code::usage, "edits",
          fmt::format("{} places (--at) and {} changes (--do): one --do for each --at", at_.size(), do_.size()));
    if (!file_.empty()) edits.push_back({edits_text(file_)});
    for (std::size_t i = 0; i < at_.size(); ++i) edits.push_back({EditInParts{at_[i], do_[i]}});
    return edits;
  }

  static std::string edits_text(const std::string& file) {
    std::string text = read_text(file);
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    return text.substr(std::min(start, text.size()));
  }

  Field field_;
  CLI::Option* option_ = nullptr;
  std::unique_ptr<Input> old_;
  std::string text_, file_;
  std::int64_t whole_ = 0;
  std::uint64_t seed_ = 0;
  double real_ = 0;
  bool set_ = false;
  std::vector<std::string> texts_, at_, do_;
  std::vector<std::int64_t> wholes_;
  std::vector<double> reals_;
};

/// The analyses of one command: one of its own, and forms of it that a flag asks for, or a value of --show, or an
/// option of their own.
class Question {
 public:
  Question(CLI::App& app, std::string_view command, const std::vector<const Analysis*>& forms) {
    const auto& about = forms.front()->about();
    std::string name(command);
    std::ranges::replace(name, '_', '-');
    const Command made = add_command(app, name, std::string(about.what), std::string(about.example));
    common_ = made.common;
    for (const Analysis* analysis : forms) forms_.push_back({analysis, {}, {}});
    if (any(&Form::takes_text)) takes_text(made);
    if (about.needs == Needs::transformer) takes_explain(made);
    if (!any(&Form::has_figure)) without_figure(made);
    if (!about.dropped.empty()) made.app->add_flag(std::string(about.dropped))->group("");
    for (Form& form : forms_) add_flag(*made.app, form);
    for (const Form& form : forms_) add_fields(*made.app, form);
    for (Form& form : forms_) find_flags(*made.app, form);
    for (const Form& form : forms_) add_tables(*made.app, form);
    for (const Form& form : forms_) add_writer(*made.app, form);
    add_show(*made.app);
    made.app->callback([this] { run(); });
  }
  Question(const Question&) = delete;

 private:
  struct Form {
    const Analysis* analysis;
    std::vector<CLI::Option*> flags;  // any of which asks for it; none: by `value`, or it is the command itself
    std::string value;                // of --show
    const Analysis::About& about() const { return analysis->about(); }
    bool has(std::string_view field) const {
      return std::ranges::any_of(analysis->fields(), [&](const Field& one) { return one.name == field; });
    }
    bool takes_text() const {
      return about().needs == Needs::transformer || std::ranges::any_of(analysis->fields(), [](const Field& one) {
               return one.kind == Kind::text || one.kind == Kind::texts;
             });
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

  bool any(bool (Form::*is)() const) const {
    return std::ranges::any_of(forms_, [is](const Form& form) { return (form.*is)(); });
  }

  /// "--gradient" is a flag, and "--show=pairs" a value.
  void add_flag(CLI::App& command, Form& form) {
    const std::string_view flag = form.about().flag;
    if (const std::size_t equals = flag.find('='); equals != std::string_view::npos)
      form.value = flag.substr(equals + 1);
    else if (flag.starts_with("--") && flag.find(' ') == std::string_view::npos && !form.has(flag.substr(2)))
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

  void run() const {
    const Form& form = asked();
    Values values;
    for (const Input& input : inputs_) {
      if (form.has(input.field().name)) input.give(values);
    }
    const Analysis::CheckedRequest question = form.analysis->ask(values);
    const Named on(*common_, form.about().needs);
    const AnalysisResult found = question.run(on, progress_of(values));
    for (const std::string& line : found.remarks) remark(line);
    if (!to_.empty()) remark(found.write(found, to_));
    show(form, found);
    if (found.page && common_->save.ends_with(".html"))
      write_file(common_->save, found.page());
    else if (form.has_figure())
      save_figure(*common_, [&] { return found.figure(); });
  }

  void add_fields(CLI::App& command, const Form& form) {
    const bool by_flag = form.about().flag.starts_with("--") && form.flags.size() == 1;
    for (const Field& field : form.analysis->fields()) {
      const bool known = std::ranges::any_of(inputs_, [&](const Input& one) { return one.field().name == field.name; });
      if (known || field.option == "-") continue;
      CLI::Option* option = inputs_.emplace_back(command, field).option();
      for (const Form& other : forms_) {
        if (!other.flags.empty() && !other.has(field.name)) option->excludes(other.flags[0]);
      }
      if (by_flag) option->needs(form.flags[0]);
    }
  }

  void add_tables(CLI::App& command, const Form& form) {
    for (const Part& part : form.analysis->parts()) {
      if (part.option.empty()) continue;
      CLI::Option* printed =
          command.add_flag(std::string(part.option))->description("Print instead: " + std::string(part.what));
      if (!part.excludes.empty()) printed->excludes(command.get_option(std::string(part.excludes)));
      tables_.push_back({&form, part.name, printed});
    }
    if (form.about().shown > 0 && command.get_option_no_throw("-n") == nullptr)
      command.add_option("-n", most_, "Rows of a list printed for people")->check(CLI::Range(1, 10000000));
  }

  void add_writer(CLI::App& command, const Form& form) {
    const auto& about = form.about();
    if (about.writes.empty()) return;
    CLI::Option* option =
        command.add_option(std::string(about.to), to_, std::string(about.writes))->check(takes_arrays);
    if (!form.flags.empty()) option->needs(form.flags[0]);
  }

  void show(const Form& form, const AnalysisResult& found) const {
    const bool machine = common_->json || common_->csv;
    const auto chosen = std::ranges::find_if(
        tables_, [&](const TableFlag& one) { return one.form->analysis == form.analysis && one.flag->count() > 0; });
    if (chosen != tables_.end()) return print(*common_, found.table(chosen->table), found.notes);
    if (common_->json && form.about().whole) return print_whole(found);
    if (machine) return print(*common_, first(found), found.notes);
    std::vector<Table> tables;
    if (found.people)
      tables = found.people();
    else if (form.about().shown > 0)
      tables.push_back(head(first(found), most_ > 0 ? most_ : form.about().shown));
    else
      tables.push_back(first(found));
    for (std::size_t i = 0; i + 1 < tables.size(); ++i) fmt::print("{}\n", tables[i].text());
    if (!tables.empty()) return print(*common_, tables.back(), found.notes);
    for (const std::string& note : found.notes) fmt::print("{}\n", note);
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

  std::shared_ptr<Common> common_;
  std::list<Form> forms_;    // to which tables point
  std::list<Input> inputs_;  // which CLI11 holds by address
  std::vector<TableFlag> tables_;
  std::string to_, show_;
  std::size_t most_ = 0;
};

}  // namespace

void add_analyses(CLI::App& app) {
  static std::list<Question> questions;  // which the commands call
  std::vector<std::string_view> commands;
  for (const Analysis* analysis : analyses()) {
    const std::string_view command = command_of(*analysis);
    if (std::ranges::find(commands, command) != commands.end()) continue;
    commands.push_back(command);
    std::vector<const Analysis*> forms;
    std::ranges::copy_if(analyses(), std::back_inserter(forms),
                         [&](const Analysis* other) { return command_of(*other) == command; });
    std::ranges::stable_partition(forms, [](const Analysis* form) { return form->about().flag.empty(); });
    questions.emplace_back(app, command, forms);
  }
}

}  // namespace embscope::cli
