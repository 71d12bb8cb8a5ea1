#include "embscope/runs/generate.h"

#include <fmt/format.h>

#include "command.h"
#include "sampling.h"

namespace embscope::cli {

void add_generate(CLI::App& app) {
  const auto [command, common] = add_model_command(app, "generate", "Continue a text",
                                                   "generate \"Once upon a time\" -n 40 --temperature 0.8 --seed 3");
  auto text = std::make_shared<std::string>();
  command->add_option("TEXT", *text, "The beginning of the text")->required();
  const auto o = add_sampling(*command);
  command->callback([common, text, o] {
    const Transformer& transformer = common->transformer();
    GenerateRequest request = o->request;
    if (!o->edits.empty())
      request.edits = o->edits_in(transformer, make_prompt(transformer.model().tokenizer(), *text));
    std::vector<double> id, probability;
    std::vector<std::string> token;
    Speed speed;
    const bool table = common->json || common->csv;
    bool begun = table;
    auto begin = [&] {  // only after the model has accepted the text: an error prints no result
      if (!begun) fmt::print("{}", *text);
      begun = true;
    };
    const Generated made = continue_text(transformer, *text, request, [&](TokenId t, std::string_view bytes, double p) {
      begin();
      speed.token();
      id.push_back(t), probability.push_back(p), token.push_back(visible(bytes));
      if (!table) std::fwrite(bytes.data(), 1, bytes.size(), stdout), std::fflush(stdout);
      return true;
    });
    begin();
    if (!table) fmt::print("\n");
    if (common->explain) {
      const auto positions = std::ssize(transformer.model().tokenizer().with_bos(*text).ids) + std::ssize(id);
      fmt::print(stderr, "keys and values of {} tokens: {}\n", positions,
                 size_text(transformer.cache_bytes(positions)));
    }
    remark(remark_on(made.ended, transformer.config().context));
    if (is_terminal(Stream::errors)) remark(speed.text());
    Table out("generated");
    out.add("token", token).add("id", id, whole).add("probability", probability, 5);
    table ? print(*common, out) : explain(*common);
    save_figure(*common, [&] { return figure_predict(out, *text); });
  });
}

}  // namespace embscope::cli
