// generate, and chat: a text that the model writes, told token by token.
#include "embscope/runs/generate.h"

#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/catalogue/read.h"
#include "embscope/catalogue/size_text.h"
#include "embscope/runs/conversation.h"

namespace embscope::catalogue {
namespace {

/// How the tokens are chosen: the fields that generate and chat share.
struct SamplingParameters {
  GenerateRequest request;
  Edits edits;
};

struct Parameters : SamplingParameters {
  std::string text;
};

struct ChatParameters : SamplingParameters {
  ChatParameters() { request.tokens = 512; }
  std::vector<Message> messages;
};

constexpr Part parts[] = {
    {"text", Kind::name, "The new text"},
    {"count", Kind::integer, "Number of new tokens"},
    {"ended", Kind::name,
     "Why it ended: \"end of text\", \"stop word\", \"tokens\", \"context\" (it is full) or \"cancelled\""},
    {"generated", Kind::table, "The new tokens: columns token, id, probability"},
    {"figure", Kind::figure, "The probability of each new token"},
};

void sampling_fields(SamplingParameters& r, Visitor& f) {
  GenerateRequest& s = r.request;
  f(s.tokens, {.name = "tokens", .what = "Maximum number of new tokens", .option = "-n,--tokens", .old = "count"});
  f(s.temperature, {.name = "temperature", .what = "Sampling temperature; 0: always the most likely token"});
  f(s.top_k, {.name = "top_k", .what = "Choose among the k most likely tokens; 0: all"});
  f(s.top_p, {.name = "top_p", .what = "Choose among the most likely tokens with this total probability"});
  f(s.seed, {.name = "seed", .what = "Seed of the sampling"});
  f(r.edits, {.name = "edits",
              .what = "Edits in force, such as \"blocks.4.mlp_out zero\"; those without positions apply at every new "
                      "token too",
              .option = "--edit"});
  f(s.min_p, {.name = "min_p", .what = "Leave out what is less probable than this share of the likeliest; 0: nothing"});
  f(s.repetition_penalty,
    {.name = "repetition_penalty",
     .what = "Logits of tokens that the text has are divided by it, or where below 0 multiplied"});
  f(s.stop, {.name = "stop", .what = "Texts at which it ends, before them", .longest = 64, .each = true});
  f(s.shift, {.name = "shift", .what = "Where the context is full, go on with the later half of the text"});
}

void fields(Parameters& r, Visitor& f) {
  f(r.text, {.name = "text", .what = "The beginning of the text", .option = "TEXT", .required = true});
  sampling_fields(r, f);
}

void chat_fields(ChatParameters& r, Visitor& f) {
  f(r.messages, {.name = "messages",
                 .what = "The conversation so far: {role, content} of each message, the newest last",
                 .option = "-",
                 .longest = 1000,
                 .required = true});
  sampling_fields(r, f);
}

/// What `write` writes after `before`, told to the subject as it comes.
AnalysisResult written(const Subject& on, const std::string& before, const GenerateRequest& request,
                       const Progress& progress, const std::function<Generated(const OnToken&)>& write) {
  std::vector<double> id, probability;
  std::vector<std::string> token;
  bool begun = false;
  const auto begin = [&] {  // only after the model has accepted the text: an error prints no result
    if (!begun) on.wrote(-1, before, 1);
    begun = true;
  };
  const Generated made = write([&](TokenId t, std::string_view bytes, double p) {
    begin();
    id.push_back(t), probability.push_back(p), token.push_back(visible(bytes));
    const bool wanted = on.wrote(t, bytes, p);
    return wanted && (!progress || progress(static_cast<double>(id.size()) / request.tokens, "tokens"));
  });
  begin();
  AnalysisResult found;
  if (made.ended == Ended::context)
    found.remarks = {
        fmt::format("the context of {} tokens is full, and the text ends here: --shift goes on with its later half",
                    on.model().config().context)};
  found.people = [] { return std::vector<Table>(); };  // they have read it
  Table table("generated");
  table.add("token", token).add("id", id, whole).add("probability", probability, 5);
  found.add("text", made.text)
      .add("count", std::ssize(id))
      .add("ended", std::string(name(made.ended)))
      .add("generated", std::move(table))
      .add("figure", [before](const AnalysisResult& f) { return figure_predict(f.table("generated"), before); });
  return found;
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const Transformer& transformer = on.transformer();
  GenerateRequest request = r.request;
  if (!r.edits.given.empty()) request.edits = edits_of(on, r.edits, make_prompt(on.model().tokenizer(), r.text));
  AnalysisResult found = written(on, r.text, request, progress, [&](const OnToken& on_token) {
    return continue_text(transformer, r.text, request, on_token);
  });
  const auto positions = std::ssize(on.model().tokenizer().with_bos(r.text).ids) + found.get<std::int64_t>("count");
  found.explained = {
      fmt::format("keys and values of {} tokens: {}", positions, size_text(transformer.cache_bytes(positions)))};
  return found;
}

AnalysisResult run_chat(const Subject& on, const ChatParameters& r, const Progress& progress) {
  Conversation conversation(on.transformer(), chat_template(on.model()), r.request,
                            [&](const Prompt& prompt) { return edits_of(on, r.edits, prompt); });
  conversation.begin(r.messages);
  return written(on, "", r.request, progress, [&](const OnToken& on_token) { return conversation.answer(on_token); });
}

template <class R>
void check_sampling(const R& r) {
  embscope::check(r.request);
}

}  // namespace

const Analysis& generate_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "generate",
       .what = "Continue a text",
       .group = Group::text,
       .example = "generate \"Once upon a time\" -n 40 --temperature 0.8 --seed 3",
       .more = "Each token is chosen in this order: the repetition penalty changes the logits; temperature 0 takes the "
               "most likely token; otherwise temperature, top k, top p, min p, and a draw by the seed.",
       .gives = "text",
       .tells = true},
      parts, fields, run, nullptr, check_sampling<Parameters>);
  return made;
}

const Analysis& chat_analysis() {
  static const DescribedAnalysis<ChatParameters> made(
      {.name = "chat",
       .what = "The model's answer in a conversation, written as its chat template has it",
       .example = "chat -m ollama:qwen3:4b --temperature 0.7 --top-p 0.9",
       .more = "Positions of edits count in the conversation. With `shift` the oldest messages but the system's are "
               "forgotten where they do not fit.",
       .gives = "text",
       .tells = true,
       .by_hand = true},
      parts, chat_fields, run_chat, nullptr, check_sampling<ChatParameters>);
  return made;
}

GenerateRequest sampling_of(const Values& values) {
  ChatParameters r;
  Reader reader(values);
  sampling_fields(r, reader);
  embscope::check(r.request);
  return r.request;
}

}  // namespace embscope::catalogue

namespace embscope {

GenerateRequest read_sampling(const Values& values) { return catalogue::sampling_of(values); }

}  // namespace embscope
