// tokens, vocabulary, generate, chat: text in, tokens out.
#include <algorithm>
#include <cctype>
#include <cmath>

#include <fmt/format.h>

#include "api.h"
#include "reply.h"
#include "texts.h"

#include "embscope/runs/conversation.h"

namespace embscope::server {
namespace {

std::string hex_of(std::string_view bytes) {
  std::string out;
  for (unsigned char c : bytes) out += fmt::format("{:02x}", c);
  return out;
}

Answer tokens(const Call& call, const OpenModel& model) {
  const Fields in(call, {"text", "special"});
  const Tokenizer& tokenizer = model.tokenizer();
  const std::string text = in.text("text");
  const Tokens tokens = tokenizer.with_bos(text, in.flag("special", false));
  bj::array bytes, ranges, ids(tokens.ids.begin(), tokens.ids.end());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    bytes.emplace_back(hex_of(tokenizer.bytes(tokens.ids[i])));
    ranges.push_back(bj::array{tokens.ranges[i].begin, tokens.ranges[i].end});
  }
  const bool bos = tokens.size() > 0 && tokens.ranges[0] == ByteRange{0, 0};
  return Reply()
      .add("ids", ids)
      .add("labels", labels_of(model.model(), tokens.ids))
      .add("bytes", bytes)
      .add("ranges", ranges)
      .add("bos", bos)
      .answer();
}

// How well a token's bytes match the typed text: 0 equal, 1 equal with a space before it, 2 begins with it, 3 contains
// it, 4 matches in another case.
int match(std::string_view bytes, std::string_view bytes_lower, std::string_view wanted,
          std::string_view wanted_lower) {
  if (bytes_lower.find(wanted_lower) == std::string_view::npos) return 5;
  if (bytes == wanted) return 0;
  if (!bytes.empty() && bytes[0] == ' ' && bytes.substr(1) == wanted) return 1;
  const std::size_t at = bytes.find(wanted);
  if (at == 0 || (at == 1 && bytes[0] == ' ')) return 2;
  return at != std::string_view::npos ? 3 : 4;
}

Answer vocabulary(const Call& call, const OpenModel& model) {
  const std::string wanted = query_text(call, "q", "");
  const auto limit = static_cast<std::size_t>(query_integer(call, "limit", 50, 1, 1000));
  const std::string wanted_lower = lower(wanted);
  const OpenModel::Words& words = model.words();
  std::vector<std::vector<TokenId>> found(5);
  for (std::size_t id = 0; id < words.bytes.size(); ++id) {
    const int rank = match(words.bytes[id], words.lower[id], wanted, wanted_lower);
    if (rank < 5 && found[static_cast<std::size_t>(rank)].size() < limit)
      found[static_cast<std::size_t>(rank)].push_back(static_cast<TokenId>(id));
  }
  bj::array list;
  for (const auto& ids : found) {
    for (TokenId id : ids) {
      if (list.size() < limit) list.push_back(token_value(model.model(), id));
    }
  }
  return Reply().add("tokens", list).answer();
}

Answer labels(const Call& call, const OpenModel& model) {
  return cached_answer(call, "labels " + model.model().path().string(), [&] {
    bj::array list;
    for (TokenId id = 0; id < model.config().vocab; ++id) list.emplace_back(model.model().label(id));
    return Reply().add("labels", list).text();
  });
}

constexpr std::string_view kinds[] = {"word after a space", "word or piece", "number", "punctuation",
                                      "white space",        "bytes",         "special"};

std::size_t kind_of(const Tokenizer& tokenizer, TokenId id) {
  if (id >= tokenizer.size() || tokenizer.is_special(id)) return 6;
  const std::string bytes = tokenizer.bytes(id);
  if (tokenizer.label(id).find("<0x") == 0) return 5;
  const bool space = !bytes.empty() && bytes[0] == ' ';
  const std::string_view rest = std::string_view(bytes).substr(space ? 1 : 0);
  if (rest.find_first_not_of(" \t\n\r\f\v") == std::string_view::npos) return 4;
  const auto first = static_cast<unsigned char>(rest[0]);
  if (std::isdigit(first) != 0) return 2;
  if (first >= 0x80 || std::isalpha(first) != 0) return space ? 0 : 1;
  return 3;
}

Answer attributes(const Call& call, const OpenModel& model) {
  return cached_answer(call, "attributes " + model.model().path().string(), [&] {
    const Config& config = model.config();
    std::vector<double> kind, norm;
    std::vector<float> row(static_cast<std::size_t>(config.width));
    for (TokenId id = 0; id < config.vocab; ++id) {
      model.model().weights().wte.row(id, row.data());
      double sum = 0;
      for (float x : row) sum += static_cast<double>(x) * static_cast<double>(x);
      norm.push_back(std::sqrt(sum));
      kind.push_back(static_cast<double>(kind_of(model.tokenizer(), id)));
    }
    bj::array names(std::begin(kinds), std::end(kinds));
    const std::vector<float> rounded(norm.begin(), norm.end());
    return Reply()
        .add("kind", names)
        .add("kind_of", std::span<const double>(kind))
        .add("norm", std::span<const float>(rounded))
        .text();
  });
}

constexpr std::size_t most_messages = 1000;

GenerateRequest request_of(const Fields& in, const OpenModel& model) {
  GenerateRequest s;
  s.tokens = static_cast<int>(in.integer("count", 40, 1, 4096));
  s.temperature = in.number("temperature", 0, 0, 100);
  s.top_k = static_cast<int>(in.integer("top_k", 0, 0, model.config().vocab));
  s.top_p = in.number("top_p", 1, 1e-9, 1);
  s.min_p = in.number("min_p", 0, 0, 1);
  s.repetition_penalty = in.number("repetition_penalty", 1, 1e-3, 1e3);
  s.stop = in.texts("stop", 64);
  s.shift = in.flag("shift", false);
  s.seed = in.seed();
  check(s);
  return s;
}

/// Sends each token as it comes, then why the text ended.
class Stream {
 public:
  Stream(const Call& call, const OpenModel& model) : call_(call), model_(model) {}

  bool token(TokenId id, std::string_view bytes, double probability) {
    ++count_;
    bj::object token = token_value(model_.model(), id);
    token["text"] = visible(bytes);
    token["bytes"] = hex_of(bytes);
    token["probability"] = probability;
    return call_.events->send("token", bj::serialize(token)) && !call_.cancelled();
  }
  OnToken listener() {
    return [this](TokenId id, std::string_view bytes, double probability) { return token(id, bytes, probability); };
  }
  Answer done(const Generated& made) const {
    call_.events->send("done", bj::serialize(bj::object{{"count", count_}, {"ended", name(made.ended)}}));
    return {};
  }

 private:
  const Call& call_;
  const OpenModel& model_;
  int count_ = 0;
};

Answer generate_text(const Call& call, const OpenModel& model) {
  const Fields in(call, {"text", "count", "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "stop",
                         "shift", "seed", "edits"});
  const Prompt prompt = prompt_of(in, model);
  GenerateRequest request = request_of(in, model);
  Words words;
  request.edits = edits_of(in, model, prompt, words);
  Stream stream(call, model);
  return stream.done(continue_text(model.transformer(), prompt.text, request, stream.listener()));
}

std::vector<Message> messages_of(const Fields& in) {
  const bj::value* value = in.find("messages");
  const auto* list = value == nullptr ? nullptr : value->if_array();
  if (list == nullptr || list->empty() || list->size() > most_messages)
    throw Refusal(400, "usage", "messages",
                  fmt::format("expected a list of 1 to {} messages: {{\"role\", \"content\"}}", most_messages));
  std::vector<Message> messages;
  for (const bj::value& one : *list) {
    if (!one.is_object()) throw Refusal(400, "usage", "messages", "expected objects: {\"role\", \"content\"}");
    const Fields message(one.get_object(), {"role", "content"});
    messages.push_back({message.text("role"), message.text("content")});
  }
  return messages;
}

Answer chat(const Call& call, const OpenModel& model) {
  const Fields in(call, {"messages", "count", "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "stop",
                         "shift", "seed", "edits"});
  std::vector<Message> messages = messages_of(in);
  Words words;
  Conversation conversation(model.transformer(), chat_template(model.model()), request_of(in, model),
                            [&](const Prompt& prompt) { return edits_of(in, model, prompt, words); });
  conversation.begin(std::move(messages));
  Stream stream(call, model);
  return stream.done(conversation.answer(stream.listener()));
}

}  // namespace

void add_text(Routes& routes, Models& models) {
  routes.add("POST", "/api/tokens", Lane::quick, [&](Call& call) { return tokens(call, *models.of(call)); });
  routes.add("GET", "/api/vocabulary", Lane::quick, [&](Call& call) { return vocabulary(call, *models.of(call)); });
  routes.add("GET", "/api/vocabulary/labels", Lane::work, [&](Call& call) { return labels(call, *models.of(call)); });
  routes.add("GET", "/api/vocabulary/attributes", Lane::work,
             [&](Call& call) { return attributes(call, *models.of(call)); });
  routes.add_stream("POST", "/api/generate", [&](Call& call) { return generate_text(call, *models.of(call)); });
  routes.add_stream("POST", "/api/chat", [&](Call& call) { return chat(call, *models.of(call)); });
}

}  // namespace embscope::server
