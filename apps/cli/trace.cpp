#include "embscope/trace.h"

#include <fmt/format.h>

#include "command.h"

namespace embscope::cli {

void add_trace(CLI::App& app) {
  const auto [command, common] = add_model_command(app, "trace", "A vector's life, block by block",
                                             "trace \"The capital of Germany is\" --save trace.html");
  auto r = std::make_shared<TraceRequest>();
  auto lens = std::make_shared<bool>(false);
  command->add_option("TEXT", r->text, "The text")->required();
  command->add_option("--position", r->position, "Token position; negative counts from the end");
  command->add_option("--top", r->top, "Tokens listed after each block");
  command->add_flag("--lens", *lens, "Print the logit lens with probabilities instead");
  command->callback([common, r, lens] {
    const Transformer& transformer = common->transformer();
    const TraceResult result = trace(transformer, *r);
    const Tokenizer& tokenizer = transformer.model().tokenizer();
    print(*common, *lens ? result.lens : result.life,
          {fmt::format("token {} at position {}, predicts {}", tokenizer.label(result.own), result.position,
                       tokenizer.label(result.predicted))});
    save_figure(*common, [&] {
      return figure_trace(result.life, tokenizer.bytes(result.own), tokenizer.bytes(result.predicted));
    });
  });
}

}  // namespace embscope::cli
