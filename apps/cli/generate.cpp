#include "embscope/runs/predict.h"

#include <fmt/format.h>

#include "command.h"

namespace embscope::cli {

void add_generate(CLI::App& app) {
  const auto [command, common] = add_model_command(app, "generate", "Text that the model continues",
                                                   "generate \"Once upon a time\" -n 40 --temperature 0.8 --seed 3");
  auto text = std::make_shared<std::string>();
  auto s = std::make_shared<Sampling>();
  command->add_option("TEXT", *text, "The beginning")->required();
  command->add_option("-n,--tokens", s->tokens, "At most so many new tokens");
  command->add_option("--temperature", s->temperature, "0: always the likeliest; 1: as the model has it");
  command->add_option("--top-k", s->top_k, "Choose among the k likeliest (0: all)");
  command->add_option("--top-p", s->top_p, "Choose among the likeliest that hold this share");
  command->add_option("--seed", s->seed, "Seed of the choice");
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
    if (common->explain) {
      const auto positions = std::ssize(transformer.model().tokenizer().with_bos(*text).ids) + std::ssize(id);
      fmt::print(stderr, "keys and values of {} tokens: {}\n", positions,
                 size_text(transformer.cache_bytes(positions)));
    }
    Table out("generated");
    out.add("token", token).add("id", id, whole).add("probability", probability, 5);
    table ? print(*common, out) : explain(*common);
    save_figure(*common, [&] { return figure_predict(out, *text); });
  });
}

}  // namespace embscope::cli
