#include "embscope/runs/conversation.h"

#include <algorithm>

#include <fmt/format.h>

#include "embscope/base/error.h"

namespace embscope {

Conversation::Conversation(const Transformer& transformer, ChatTemplate chat_template, GenerateRequest sampling,
                           Edits edits)
    : transformer_(transformer),
      template_(std::move(chat_template)),
      sampling_(std::move(sampling)),
      edits_(std::move(edits)) {
  check(sampling_);
}

void Conversation::begin(std::vector<Message> messages) {
  messages_ = std::move(messages);
  running_ = {};
  forgotten_ = 0;
}

// Room for an answer is left where messages may be forgotten for it.
Prompt Conversation::prompt_that_fits() {
  const std::int64_t context = transformer_.config().context;
  const std::int64_t room = sampling_.shift ? std::min<std::int64_t>(sampling_.tokens, context / 4) : 1;
  while (true) {
    Prompt prompt = conversation_prompt(transformer_.model(), template_, messages_);
    const std::int64_t length = prompt.length();
    if (length + room <= context) return prompt;
    const auto oldest = messages_.begin() + (!messages_.empty() && messages_[0].role == "system" ? 1 : 0);
    const auto next = std::find_if(oldest == messages_.end() ? oldest : oldest + 1, messages_.end(),
                                   [](const Message& m) { return m.role == "user"; });
    if (!sampling_.shift || next == messages_.end())
      throw Error(Code::range, "chat",
                  fmt::format("the conversation has {} tokens, the context {}: begin a new one, or let the oldest "
                              "messages be forgotten "
                              "(shift)",
                              length, context));
    forgotten_ += static_cast<int>(next - oldest);
    messages_.erase(oldest, next);
  }
}

Generated Conversation::say(const std::string& message, const OnToken& on_token) {
  const std::vector<Message> before = messages_;
  const int forgotten = forgotten_;
  messages_.push_back({"user", message});
  try {
    return answer(on_token);
  } catch (...) {
    messages_ = before, forgotten_ = forgotten;
    throw;
  }
}

Generated Conversation::again(const OnToken& on_token) {
  if (messages_.empty() || messages_.back().role != "assistant")
    throw Error(Code::usage, "chat", "there is no answer yet to give again");
  const Message before = std::move(messages_.back());
  messages_.pop_back();
  try {
    return answer(on_token);
  } catch (...) {
    messages_.push_back(before);
    throw;
  }
}

Generated Conversation::answer(const OnToken& on_token) {
  const Prompt prompt = prompt_that_fits();
  GenerateRequest sampling = sampling_;
  sampling.edits.clear();
  if (edits_) sampling.edits = edits_(prompt);
  Generated out = continue_tokens(transformer_, prompt.tokens.ids, sampling, on_token, &running_);
  messages_.push_back({"assistant", out.text});
  return out;
}

}  // namespace embscope
