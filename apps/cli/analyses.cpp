// Every analysis of the catalogue as a command, or as a flag of a command (attribute --gradient).
#include <algorithm>
#include <cctype>
#include <list>

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
  std::int64_t usual_positions() const override { return shown_positions; }

 private:
  const Common& common_;
  Needs needs_;
  mutable std::shared_ptr<const Model> model_;
  mutable std::unique_ptr<const Space> space_;
};

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

  /// The words that name tokens, for which it is said when they are several.
  std::vector<std::string> words() const {
    if (option_->count() == 0) return old_ ? old_->words() : std::vector<std::string>();
    if (field_.kind == Kind::tokens) return texts_;
    return field_.kind == Kind::token ? std::vector<std::string>{text_} : std::vector<std::string>();
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
    several(command.add_option(
        "--do", do_,
        "What the edit does, one --do for each --at: set V, add V, scale N, mix P V, zero, project_out V, "
        "rotate DEGREES V, clamp DIMENSIONS LOW HIGH, noise DEVIATION [seed N]; V such as "
        "\"' king' - ' man' + ' woman'\""));
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

/// An analysis, and the analyses that are flags of its command.
class Question {
 public:
  Question(CLI::App& app, const Analysis& analysis, const std::vector<const Analysis*>& others) {
    const auto& about = analysis.about();
    std::string name(about.name), what(about.what), example(about.example);
    std::ranges::replace(name, '_', '-');
    const Command made = about.needs == Needs::transformer ? add_model_command(app, name, what, example)
                                                           : add_command(app, name, what, example);
    common_ = made.common;
    forms_.push_back({&analysis, nullptr});
    for (const Analysis* other : others)
      forms_.push_back({other, flag(*made.app, other->about().flag, std::string(other->about().what))});
    for (std::size_t i = 1; i + 1 < forms_.size(); ++i) forms_[i].flag->excludes(forms_[i + 1].flag);
    for (const Form& form : forms_) add_fields(*made.app, form);
    for (const Form& form : forms_) add_tables(*made.app, form);
    for (const Form& form : forms_) add_writer(*made.app, form);
  }

  void run() const {
    const Form& form = *std::ranges::find_if(forms_.rbegin(), forms_.rend(),
                                             [](const Form& f) { return f.flag == nullptr || f.flag->count() > 0; });
    const Analysis& analysis = *form.analysis;
    Values values;
    std::vector<std::string> words;
    for (const Input& input : inputs_) {
      input.give(values);
      std::ranges::copy(input.words(), std::back_inserter(words));
    }
    const Analysis::Asked asked = analysis.ask(values);
    const Named on(*common_, analysis.about().needs);
    if (!words.empty()) explain_words(on.model(), words);
    const Found found = asked.run(on, progress_line());
    show(form, found);
    if (!to_.empty()) found.write(found, to_);
    const auto drawn = std::ranges::find(analysis.parts(), Kind::figure, &Part::kind);
    if (drawn != analysis.parts().end()) save_figure(*common_, [&] { return found.figure(drawn->name); });
  }

 private:
  struct Form {
    const Analysis* analysis;
    CLI::Option* flag;  // null: the command itself
  };
  struct TableFlag {
    const Form* form;
    std::string_view table;
    CLI::Option* flag;
  };

  static CLI::Option* flag(CLI::App& command, std::string_view name, const std::string& what) {
    return command.add_flag(std::string(name))->description(what);
  }

  static bool has(const Form& form, std::string_view field) {
    return std::ranges::any_of(form.analysis->fields(), [&](const Field& one) { return one.name == field; });
  }

  void add_fields(CLI::App& command, const Form& form) {
    for (const Field& field : form.analysis->fields()) {
      const bool known = std::ranges::any_of(inputs_, [&](const Input& one) { return one.field().name == field.name; });
      if (known || field.option == "-") continue;
      CLI::Option* option = inputs_.emplace_back(command, field).option();
      for (const Form& other : forms_) {
        if (other.flag == nullptr || has(other, field.name)) continue;
        option->excludes(other.flag);
      }
      if (form.flag != nullptr) option->needs(form.flag);
    }
  }

  void add_tables(CLI::App& command, const Form& form) {
    for (const Part& part : form.analysis->parts()) {
      if (part.option.empty()) continue;
      CLI::Option* printed = flag(command, part.option, "Print instead: " + std::string(part.what));
      if (!part.excludes.empty()) printed->excludes(command.get_option(std::string(part.excludes)));
      tables_.push_back({&form, part.name, printed});
    }
  }

  void add_writer(CLI::App& command, const Form& form) {
    if (form.analysis->about().writes.empty()) return;
    CLI::Option* option =
        command.add_option("--to", to_, std::string(form.analysis->about().writes))->check(takes_arrays);
    if (form.flag != nullptr) option->needs(form.flag);
  }

  void show(const Form& form, const Found& found) const {
    const bool machine = common_->json || common_->csv;
    const auto chosen = std::ranges::find_if(
        tables_, [&](const TableFlag& one) { return one.form->analysis == form.analysis && one.flag->count() > 0; });
    if (chosen != tables_.end()) return print(*common_, found.table(chosen->table), found.notes);
    if (common_->json && form.analysis->about().whole) return print_whole(found);
    if (machine || !found.people) return print(*common_, first(found), found.notes);
    const std::vector<Table> tables = found.people();
    for (std::size_t i = 0; i + 1 < tables.size(); ++i) fmt::print("{}\n", tables[i].text());
    print(*common_, tables.back(), found.notes);
  }

  static const Table& first(const Found& found) {
    std::size_t index = 0;
    for (const auto& [name, thing] : found.parts()) {
      if (const auto* table = std::get_if<Table>(&thing); table != nullptr && index++ == found.first) return *table;
    }
    throw Error(Code::unsupported, "answer", "it has no table");
  }

  void print_whole(const Found& found) const {
    std::string text;
    for (const auto& [name, thing] : found.parts()) {
      const std::string before = fmt::format("{}\"{}\":", text.empty() ? "{" : ",", name);
      if (const auto* number = std::get_if<double>(&thing)) text += fmt::format("{}{}", before, *number);
      if (const auto* table = std::get_if<Table>(&thing)) text += before + table->json();
    }
    fmt::print("{}}}\n", text);
    explain(*common_);
  }

  std::shared_ptr<Common> common_;
  std::vector<Form> forms_;
  std::list<Input> inputs_;  // which CLI11 holds by address
  std::vector<TableFlag> tables_;
  std::string to_;
};

}  // namespace

void add_analyses(CLI::App& app) {
  for (const Analysis* analysis : analyses()) {
    if (!analysis->about().command.empty()) continue;
    std::vector<const Analysis*> others;
    std::ranges::copy_if(analyses(), std::back_inserter(others),
                         [&](const Analysis* other) { return other->about().command == analysis->about().name; });
    std::string name(analysis->about().name);
    std::ranges::replace(name, '_', '-');
    auto question = std::make_shared<Question>(app, *analysis, others);
    app.get_subcommand(name)->callback([question] { question->run(); });
  }
}

}  // namespace embscope::cli
