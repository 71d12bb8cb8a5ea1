// Any text as a chat template: it renders, or is refused, in bounded time and memory; and the same twice.
#include <vector>

#include "embscope/text/chat_template.h"
#include "input.h"

namespace embscope::fuzz {
namespace {

void run(const std::string& source) {
  const ChatTemplate form(source, {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
  const std::vector<Message> conversations[] = {
      {},
      {{"user", "Hello"}},
      {{"system", " Be brief.\n"}, {"user", "a\"b'c"}, {"assistant", "<think>\nx\n</think>\n\nYes."}, {"user", "é?"}}};
  for (const auto& messages : conversations) {
    for (const bool answer : {true, false}) {
      works_or_is_refused([&] {
        const std::string text = form.render(messages, answer);
        hold(source.find("strftime_now") != std::string::npos || form.render(messages, answer) == text,
             "a template that renders the same messages in two ways");
      });
    }
  }
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embscope::fuzz;
  works_or_is_refused([&] { run(std::string(text_of(data, size))); });
  return 0;
}
