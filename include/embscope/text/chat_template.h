// ChatTemplate: how a model wants a conversation written. The template is the model's own (Jinja, as transformers
// renders it); what of Jinja no chat template needs is refused by name. Nothing outside of the conversation can be
// reached by one. Thread rule: immutable once made.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

namespace embscope {

struct Message {
  std::string role;  ///< "system", "user", "assistant"
  std::string content;
};

class ChatTemplate {
 public:
  /// `tokens`: bos_token, eos_token and others, as the template calls them. Throws Error{format, unsupported} with the
  /// line.
  explicit ChatTemplate(const std::string& source, std::map<std::string, std::string> tokens = {});

  /// The text that the model continues with its answer; without `answer`, the conversation alone. Special tokens stand
  /// in it as they are written. Throws Error{usage} with what the template says where it refuses these messages.
  std::string render(std::span<const Message> messages, bool answer = true) const;

 private:
  struct Parts;
  std::shared_ptr<const Parts> parts_;
};

}  // namespace embscope
