// A conversation on the terminal: a line is a message; what the model answers comes token by token.
#include "embscope/runs/conversation.h"

#include <csignal>
#include <cstdio>
#include <list>

#include <fmt/format.h>

#include "command.h"
#include "embscope/catalogue/read.h"
#include "input.h"
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
  Terminal(const Transformer& transformer, Conversation& conversation, const Options& o)
      : transformer_(transformer), conversation_(conversation), talks_(is_terminal(Stream::input)) {
    if (!o.system.empty()) beginning_ = {{"system", o.system}};
    conversation_.begin(beginning_);
  }

  void run() {
    if (talks_)
      fmt::print("{}: write a line; /new begins anew, /bye or Ctrl-D ends, Ctrl-C ends an answer\n",
                 transformer_.model().name());
    std::string line;
    while (ask(line)) {
      if (line == "/bye") return;
      if (line == "/new")
        conversation_.begin(beginning_);
      else if (!line.empty())
        talks_ ? patiently(line) : answer(line);
    }
  }

 private:
  bool ask(std::string& line) const {
    if (talks_) fmt::print("> "), std::fflush(stdout);
    const bool more = read_line(line);
    if (!more && talks_) fmt::print("\n");
    return more;
  }

  // What goes wrong with one message ends a script, not a conversation with somebody.
  void patiently(const std::string& line) {
    try {
      answer(line);
    } catch (const Error& error) { remark(error.what()); }
  }

  void answer(const std::string& line) {
    const int forgotten = conversation_.forgotten();
    Speed speed;
    const Interruptible guard;
    const Generated made = conversation_.say(line, [&](TokenId, std::string_view bytes, double) {
      speed.token();
      std::fwrite(bytes.data(), 1, bytes.size(), stdout), std::fflush(stdout);
      return interrupted == 0;
    });
    fmt::print("\n");
    std::fflush(stdout);
    if (const int more = conversation_.forgotten() - forgotten; more > 0)
      remark(fmt::format("the context is full: the oldest {} messages were forgotten", more));
    if (made.ended == Ended::context)
      remark(
          fmt::format("the context of {} tokens is full, and the answer ends here: --shift forgets the oldest messages",
                      transformer_.config().context));
    if (made.ended == Ended::tokens) remark("the answer is longer than --tokens, and was ended");
    if (is_terminal(Stream::errors)) remark(speed.text());
  }

  const Transformer& transformer_;
  Conversation& conversation_;
  const bool talks_;
  std::vector<Message> beginning_;
};

}  // namespace

void add_chat(CLI::App& app) {
  CLI::App* command = app.add_subcommand("chat", "Talk with a model on the terminal, with any edits in force");
  auto common = std::make_shared<Common>();
  command->add_option("-m,--model", common->model,
                      "A name, a file or a folder (default: $EMBSCOPE_MODEL, else smollm2)");
  command->add_option("--threads", common->threads, "Threads to use (results do not depend on it)")
      ->check(CLI::Range(1, 1024));
  auto o = std::make_shared<Options>();
  command->add_option("--system", o->system, "What the model is told before the conversation");
  command->add_option("--template", o->chat_template,
                      "A file with a chat template (Jinja) in place of the model's own");
  for (const Field& field : analysis_named("chat")->fields()) {
    if (field.option != "-") o->sampling.emplace_back(*command, field);
  }
  command->footer("Example:\n  embscope chat -m ollama:qwen3:4b --temperature 0.7 --top-p 0.9");
  command->callback([common, o] {
    const Values values = o->values();
    const GenerateRequest sampling = read_sampling(values);
    const Transformer& transformer = common->transformer();
    const Model& model = transformer.model();
    ChatTemplate form =
        o->chat_template.empty() ? chat_template(model) : chat_template(model, std::filesystem::path(o->chat_template));
    const NamedSubject on(common, Needs::transformer);
    const auto edits = values.find("edits");
    Conversation conversation(transformer, std::move(form), sampling, [&](const Prompt& text) {
      return edits == values.end() ? std::vector<Edit>() : read_edits(on, edits->second, text);
    });
    Terminal(transformer, conversation, *o).run();
  });
}

}  // namespace embscope::cli
