#include "embscope/catalogue/read.h"

#include "catalogue/describe.h"

namespace embscope {
namespace {

/// A member as it is filled in from a value.
template <class Member>
Member filled(const Value& value, std::string_view name) {
  const Values values = {{std::string(name), value}};
  Member member;
  catalogue::Reader reader(values);
  catalogue::Visitor& visitor = reader;
  visitor(member, {.name = name});
  return member;
}

}  // namespace

Prompt read_prompt(const Subject& on, const Value& text, std::string_view where) {
  return catalogue::prompt_of(on, filled<catalogue::GivenText>(text, where), where);
}

std::vector<Edit> read_edits(const Subject& on, const Value& edits, const Prompt& prompt) {
  return catalogue::edits_of(on, filled<catalogue::Edits>(edits, "edits"), prompt);
}

std::vector<float> read_vector(const Subject& on, const Value& vector, std::string_view where) {
  return catalogue::vector_of(on, filled<catalogue::Direction>(vector, where), where);
}

TokenId read_token(const Subject& on, std::string_view word) {
  return catalogue::token_of(on, catalogue::Word{std::string(word)});
}

}  // namespace embscope
