#include "embscope/runs/predict.h"

#include <fmt/format.h>

#include "command.h"

namespace embscope::cli {

void add_generate(CLI::App& app) {
  const auto [command, common] = add_model_command(app, "generate", "Continue a text",
                                                   "generate \"Once upon a time\" -n 40 --temperature 0.8 --seed 3");
  auto text = std::make_shared<std::string>();
  auto s = std::make_shared<Sampling>();
  command->add_option("TEXT", *text, "The beginning of the text")->required();
  command->add_option("-n,--tokens", s->tokens, "Maximum number of new tokens");
  command->add_option("--temperature", s->temperature,
                      "Sampling temperature; 0: always the most likely token; 1: the model's own probabilities");
  command->add_option("--top-k", s->top_k, "Choose among the K most likely tokens (0: all)");
  command->add_option("--top-p", s->top_p, "Choose among the most likely tokens with this total probability");
  command->add_option("--seed", s->seed, "Seed of the sampling");
  command->callback([common, text, s] {
    const Transformer& transformer = common->transformer();
    std::vector<double> id, probability;
    std::vector<std::string> token;
    const bool table = common->json || common->csv;
    bool begun = table;
    auto begin = [&] {  // only after the model has accepted the text: an error prints no result
      if (!begun) fmt::print("{}", *text);
      begun = true;
    };
    generate(transformer, *text, *s, [&](TokenId t, std::string_view bytes, double p) {
      begin();
      id.push_back(t), probability.push_back(p), token.push_back(visible(bytes));
      if (!table) std::fwrite(bytes.data(), 1, bytes.size(), stdout), std::fflush(stdout);
      return true;
    });
    begin();
    if (!table) fmt::print("\n");
    Table out("generated");
    out.add("token", token).add("id", id, whole).add("probability", probability, 5);
    table ? print(*common, out) : explain(*common);
    save_figure(*common, [&] { return figure_predict(out, *text); });
  });
}

}  // namespace embscope::cli
