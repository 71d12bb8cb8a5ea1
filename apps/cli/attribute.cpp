#include <fmt/format.h>

#include "command.h"
#include "embscope/attribution.h"

namespace embscope::cli {
namespace {

struct Options {
  std::string text, target, against;
  int position = -1;
  bool sorted = false;
};

void run(const Common& common, const Options& o, const CLI::App& command) {
  const Transformer& transformer = common.transformer();
  const Model& model = transformer.model();
  const Tokenizer& tokenizer = model.tokenizer();
  AttributionRequest r;
  r.ids = tokenizer.with_bos(o.text).ids;
  r.position = o.position;
  r.sorted = o.sorted;
  const auto chosen = [&](const std::string& option, const std::string& word) -> std::optional<TokenId> {
    if (command.count(option) == 0) return {};
    explain_words(tokenizer, {word});
    return word_token(tokenizer, word).id;
  };
  r.target = chosen("--target", o.target);
  r.against = chosen("--against", o.against);
  const AttributionResult result = attribute(transformer, r);

  const std::string target = model.label(result.target);
  const std::string of = r.against ? fmt::format("{} against {}", target, model.label(*r.against)) : target;
  const std::string where = fmt::format("after {} at position {}",
                                        model.label(r.ids[static_cast<std::size_t>(result.position)]), result.position);
  const std::string sum = fmt::format("{} {}: the parts sum to {:.4f}, the run's logit{} is {:.4f}", of, where,
                                      result.sum, r.against ? " difference" : "", result.logit);
  print(common, result.parts, {sum, fmt::format("the final norm's scale is frozen at the run's {:.4f}", result.scale)});
  save_figure(common, [&] {
    return figure_attribution(
        result.parts, fmt::format("What speaks for {}, {}", of, where),
        fmt::format("direct logit attribution; the parts sum to the logit{} {:.3f}; the final norm's scale is frozen",
                    r.against ? " difference" : "", result.logit));
  });
}

}  // namespace

void add_attribute(CLI::App& app) {
  const auto [command, common] =
      add_model_command(app, "attribute", "What each head, MLP and embedding adds to a token's logit",
                  "attribute \"The capital of Germany is\" --target \" Berlin\" --against \" Paris\" --sort");
  auto o = std::make_shared<Options>();
  command->add_option("TEXT", o->text, "The text")->required();
  command->add_option("--target", o->target, "The next token (default: the one predicted at the position)");
  command->add_option("--against", o->against, "Another token: the difference of the two logits is taken apart");
  command->add_option("--position", o->position, "Token position; negative counts from the end");
  command->add_flag("--sort", o->sorted, "Largest parts first");
  command->callback([common, o, command] { run(*common, *o, *command); });
}

}  // namespace embscope::cli
