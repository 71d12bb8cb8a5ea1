// The small languages of edits, vectors and sites, in text, in two parts and in JSON: what parses must run, or be
// refused in a line. With files refused, as a server reads them, no input opens one.
#include <memory>

#include "embscope/forward/transformer.h"
#include "forward/tiny.h"
#include "opens.h"

namespace embscope::fuzz {
namespace {

struct Subject {
  explicit Subject(const char* name)
      : transformer(tiny::open(name)), prompt(make_prompt(transformer.model().tokenizer(), "The cat is a dog")) {}
  Transformer transformer;
  Prompt prompt;
};

void run(const Subject& subject, std::vector<Edit> edits) {
  if (edits.size() > 64) return;
  Request request;
  request.rows = {subject.prompt.tokens.ids};
  request.edits = std::move(edits);
  subject.transformer.run(request);
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embscope;
  using namespace embscope::fuzz;
  if (size < 1 || size > 400) return 0;
  static const Subject gpt2("tiny-gpt2"), llama("tiny-llama");
  const Subject& subject = (data[0] & 1) != 0 ? gpt2 : llama;
  const std::string_view text = text_of(data + 1, size - 1);
  const std::size_t line = text.find('\n');
  const NothingOpened watch;
  works_or_is_refused([&] {
    switch (data[0] >> 1 & 3) {
      case 0:
        if (line == text.npos) return run(subject, parse_edit(text, subject.transformer, subject.prompt));
        return run(subject,
                   parse_edit(text.substr(0, line), text.substr(line + 1), subject.transformer, subject.prompt));
      case 1: return run(subject, parse_edits_json(text, subject.transformer, subject.prompt));
      case 2: parse_vector(text, subject.transformer, parse_site("wte", subject.transformer.config()), 1); return;
      default: parse_sites(text, subject.transformer.config()); return;
    }
  });
  return 0;
}
