#include "embscope/text/chat_template.h"

#include <fmt/format.h>

#include "embscope/base/error.h"
#include "text/jinja.h"

namespace embscope {
namespace {

using jinja::Value;

constexpr std::size_t largest = 1 << 20;

Value text(const std::string& value) { return Value::of(value); }

Value value_of(const Message& message) {
  return Value::dict({{text("role"), text(message.role)}, {text("content"), text(message.content)}});
}

}  // namespace

struct ChatTemplate::Parts {
  jinja::Node whole;
  std::map<std::string, std::string> tokens;
};

ChatTemplate::ChatTemplate(const std::string& source, std::map<std::string, std::string> tokens) {
  if (source.size() > largest)
    throw Error(Code::format, "chat template",
                fmt::format("has {} bytes, at most {} are read", source.size(), largest));
  parts_ = std::make_shared<const Parts>(Parts{jinja::parse(source), std::move(tokens)});
}

// The names that transformers' apply_chat_template gives to a template.
std::string ChatTemplate::render(std::span<const Message> messages, bool answer) const {
  jinja::Items items;
  for (const Message& message : messages) items.push_back(value_of(message));
  std::map<std::string, Value, std::less<>> names = {{"messages", Value::list(std::move(items))},
                                                     {"tools", Value::none()},
                                                     {"documents", Value::none()},
                                                     {"add_generation_prompt", Value::of(answer)}};
  for (const auto& [name, token] : parts_->tokens) names.emplace(name, text(token));
  return jinja::render(parts_->whole, std::move(names));
}

}  // namespace embscope
