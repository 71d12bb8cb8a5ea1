// A conversation on the terminal: a line is a message; what the model answers comes token by token.
#include "embscope/runs/conversation.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <functional>
#include <list>
#include <span>

#include <fmt/format.h>

#include "command.h"
#include "embscope/catalogue/read.h"
#include "input.h"
#include "live_text.h"
#include "speed.h"
#include "subject.h"

namespace embscope::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

/// While it lives, Ctrl-C ends the answer and not the program.
class Interruptible {
 public:
  Interruptible() : before_(std::signal(SIGINT, [](int) { interrupted = 1; })) { interrupted = 0; }
  ~Interruptible() { std::signal(SIGINT, before_); }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  void (*before_)(int);
};

struct Options {
  std::string system, chat_template;
  std::list<Input> sampling;  // the fields of the catalogue's chat

  Values values() const {
    Values values;
    for (const Input& input : sampling) input.give(values);
    return values;
  }
};

class Terminal {
 public:
  Terminal(const Subject& on, Conversation& conversation, Value::List& edits, const Options& o)
      : on_(on), conversation_(conversation), edits_(edits), talks_(is_terminal(Stream::input)) {
    if (!o.system.empty()) beginning_ = {{"system", o.system}};
    conversation_.begin(beginning_);
  }

  void run() {
    if (talks_)
      fmt::print("{}: write a line; /help lists commands, /bye or Ctrl-D ends, Ctrl-C ends an answer\n",
                 on_.model().name());
    std::string line;
    while (!over_ && ask(line)) {
      if (!line.empty()) talks_ ? patiently(line) : take(line);
    }
  }

 private:
  struct Command {
    std::string_view name, argument, what;
    void (Terminal::*run)(const std::string& argument);
  };
  static std::span<const Command> commands() {
    static constexpr Command all[] = {
        {"/edit", "EDIT", "puts an edit in force, such as /edit blocks.20.mlp_out scale 0.5; /edit off removes all",
         &Terminal::edit},
        {"/edits", "", "lists the edits in force", &Terminal::list_edits},
        {"/again", "", "answers the last message again, with the edits that are in force now", &Terminal::again},
        {"/new", "", "begins a new conversation", &Terminal::begin},
        {"/help", "", "lists the commands", &Terminal::help},
        {"/bye", "", "ends", &Terminal::end},
    };
    return all;
  }

  // "/word" is a command, "/etc/fstab" the beginning of a message.
  void take(const std::string& line) {
    const std::string name = line.substr(0, line.find(' '));
    if (name[0] != '/' || name.find('/', 1) != std::string::npos) return say(line);
    const auto command = std::ranges::find(commands(), std::string_view(name), &Command::name);
    if (command == commands().end())
      throw Error(Code::usage, "chat", fmt::format("there is no command {}: /help lists them", name));
    const std::size_t rest = line.find_first_not_of(' ', name.size());
    (this->*command->run)(rest == std::string::npos ? "" : line.substr(rest));
  }

  // An edit holds for the whole conversation, which is therefore run again.
  void edit(const std::string& text) {
    if (text.empty()) throw Error(Code::usage, "chat", "/edit needs an edit, or off");
    if (text == "off") {
      edits_.clear();
    } else {
      read_edits(on_, {Value::List{{text}}}, Prompt{});  // wrong ones are refused before they are in force
      edits_.push_back({text});
    }
    conversation_.run_again();
  }

  void list_edits(const std::string&) {
    for (const Value& edit : edits_) fmt::print("{}\n", std::get<std::string>(edit.is));
    if (edits_.empty()) remark("no edits are in force");
  }

  void again(const std::string&) {
    answer([&](const OnToken& on_token) { return conversation_.again(on_token); });
  }

  void begin(const std::string&) { conversation_.begin(beginning_); }

  void help(const std::string&) {
    for (const Command& command : commands())
      fmt::print("{:<12} {}\n", fmt::format("{} {}", command.name, command.argument), command.what);
  }

  void end(const std::string&) { over_ = true; }

  bool ask(std::string& line) const {
    if (talks_) fmt::print("> "), std::fflush(stdout);
    const bool more = read_line(line);
    if (!more && talks_) fmt::print("\n");
    return more;
  }

  // What goes wrong with one message ends a script, not a conversation with somebody.
  void patiently(const std::string& line) {
    try {
      take(line);
    } catch (const Error& error) { remark(error.what()); }
  }

  void say(const std::string& line) {
    answer([&](const OnToken& on_token) { return conversation_.say(line, on_token); });
  }

  void answer(const std::function<Generated(const OnToken&)>& give) {
    const int forgotten = conversation_.forgotten();
    Speed speed;
    LiveText text;
    const Interruptible guard;
    const Generated made = give([&](TokenId, std::string_view bytes, double) {
      speed.token();
      return text.write(bytes) && interrupted == 0;
    });
    text.finish();
    fmt::print("\n");
    std::fflush(stdout);
    if (const int more = conversation_.forgotten() - forgotten; more > 0)
      remark(fmt::format("the context is full: the oldest {} messages were forgotten", more));
    if (made.ended == Ended::context)
      remark(
          fmt::format("the context of {} tokens is full, and the answer ends here: --shift forgets the oldest messages",
                      on_.transformer().config().context));
    if (made.ended == Ended::tokens) remark("the answer is longer than --tokens, and was ended");
    if (is_terminal(Stream::errors)) remark(speed.text());
  }

  const Subject& on_;
  Conversation& conversation_;
  Value::List& edits_;  // in force
  const bool talks_;
  bool over_ = false;
  std::vector<Message> beginning_;
};

}  // namespace

void fill_chat(CLI::App& command) {
  const auto common = std::make_shared<Common>();
  add_model(command, common->model), add_threads(command, common->threads);
  auto o = std::make_shared<Options>();
  command.add_option("--system", o->system, "What the model is told before the conversation");
  command.add_option("--template", o->chat_template, "A file with a chat template (Jinja) in place of the model's own")
      ->type_name("FILE");
  for (const Field& field : analysis_named("chat")->fields()) {
    if (field.option != "-") o->sampling.emplace_back(command, field);
  }
  command.callback([common, o] {
    const Values values = o->values();
    const GenerateRequest sampling = read_sampling(values);
    const Transformer& transformer = common->transformer();
    const Model& model = transformer.model();
    ChatTemplate form =
        o->chat_template.empty() ? chat_template(model) : chat_template(model, std::filesystem::path(o->chat_template));
    const NamedSubject on(common, Needs::transformer);
    const auto given = values.find("edits");
    Value::List edits = given == values.end() ? Value::List() : std::get<Value::List>(given->second.is);
    Conversation conversation(transformer, std::move(form), sampling,
                              [&](const Prompt& text) { return read_edits(on, {edits}, text); });
    Terminal(on, conversation, edits, *o).run();
  });
}

}  // namespace embscope::cli
