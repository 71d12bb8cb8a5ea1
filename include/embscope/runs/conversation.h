// Conversation: messages to a model and its answers, in the form that its chat template gives them.
// Thread rule: one conversation belongs to one thread at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "embscope/model/chat.h"
#include "embscope/runs/generate.h"
#include "embscope/text/prompt.h"

namespace embscope {

class Conversation {
 public:
  /// The edits in force, given the conversation so far: those with positions count in it.
  using Edits = std::function<std::vector<Edit>(const Prompt& conversation)>;

  /// `sampling.edits` are not used. Throws as `check` does.
  Conversation(const Transformer& transformer, ChatTemplate chat_template, GenerateRequest sampling, Edits edits = {});

  /// Begins again, with messages that were said before (a system's most often).
  void begin(std::vector<Message> messages = {});

  /// The model's answer to a message of the user; `answer`: to what was said already. Only what was not run before is
  /// computed. A conversation that does not fit the context is refused with Error{range}, and stays as it was; with
  /// GenerateRequest::shift the oldest messages but the system's are forgotten instead, and `forgotten` counts them.
  Generated say(const std::string& message, const OnToken& on_token = {});
  Generated answer(const OnToken& on_token = {});
  /// The last answer, generated again. Throws Error{usage} where there is none.
  Generated again(const OnToken& on_token = {});
  /// Nothing that was run counts any longer: the edits have changed, and they hold for the whole conversation.
  void run_again() { running_ = {}; }

  const std::vector<Message>& messages() const { return messages_; }
  int forgotten() const { return forgotten_; }

 private:
  Prompt prompt_that_fits();

  const Transformer& transformer_;
  ChatTemplate template_;
  GenerateRequest sampling_;
  Edits edits_;
  std::vector<Message> messages_;
  GenerationState running_;
  int forgotten_ = 0;
};

}  // namespace embscope
