#include "embscope/mix.h"

#include <fmt/format.h>

#include "command.h"

namespace embscope::cli {

namespace {

std::vector<Edit> in_force(const Transformer& transformer, const std::string& text, const std::vector<std::string>& at,
                            const std::vector<std::string>& what) {
  if (at.size() != what.size())
    throw Error(Code::usage, "mix", fmt::format("{} places (--at) and {} changes (--do): one --do for each --at", at.size(), what.size()));
  const Prompt prompt = make_prompt(transformer.model().tokenizer(), text);
  std::vector<Edit> edits;
  for (std::size_t i = 0; i < at.size(); ++i) {
    for (Edit& edit : parse_edit(at[i], what[i], transformer, prompt, {.files = Files::allowed})) edits.push_back(std::move(edit));
  }
  return edits;
}

void mix_blocks(const Common& common, const MixRequest& r) {
  const LayeredMix result = mix_every_block(common.transformer(), r);
  print(common, common.json || common.csv ? result.cells : result.crossings);
  save_figure(common, [&] { return figure_mix_layers(result.cells, result.crossings, result.replaced, result.mixed_in); });
}

}  // namespace

void add_mix(CLI::App& app) {
  const auto [command, common] = add_model_command(
      app, "mix", "Mix one word's vector with another's, step by step",
      "mix \"The capital of Germany is\" --replace \" Germany\" --with \" France\" --targets \" Berlin\" \" Paris\"");
  auto r = std::make_shared<MixRequest>();
  auto every_block = std::make_shared<bool>(false);
  command->add_option("TEXT", r->text, "The text")->required();
  command->add_option("--replace", r->replace, "The word in the text whose vector is mixed; ' cat[2]' is its second occurrence, 4 the position")->required();
  auto* with = command->add_option("--with", r->with, "The word it is mixed with; the mean of several");
  command
      ->add_option("--with-vector", r->vector, "In place of --with: a vector such as \"' king' - ' man' + ' woman'\"")
      ->excludes(with);
  command->add_option("--targets", r->targets, "Next tokens whose probabilities are asked for")->required();
  command->add_option("--steps", r->steps, "Mixtures from p = 0 to p = 1");
  auto at = std::make_shared<std::vector<std::string>>(), what = std::make_shared<std::vector<std::string>>();
  auto several = [](CLI::Option* option) { option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll); };
  several(command->add_option("--at", *at, "An edit in force in every mixture: where it is made (see edit)"));
  several(command->add_option("--do", *what, "What it does, one for each --at"));
  auto* site = command->add_option("--site", r->site, "Any site with a vector for each position, such as blocks.3.resid_pre");
  command->add_flag("--every-block", *every_block, "At resid_pre of each block in turn: where each one's answer turns")
      ->excludes(site);
  command->callback([=] {
    const Transformer& transformer = common->transformer();
    std::vector<std::string> words = r->targets;
    words.insert(words.end(), r->with.begin(), r->with.end());
    explain_words(transformer.model(), words);
    r->files = Files::allowed;
    r->edits = in_force(transformer, r->text, *at, *what);
    if (*every_block) return mix_blocks(*common, *r);
    const MixResult result = mix(transformer, *r);
    std::vector<std::string> notes;
    notes.push_back(
        fmt::format("p = 1 equals the untouched run {}", result.untouched_equals_p1 ? "bit for bit" : "NOT"));
    for (std::size_t row : {result.sweep.rows() - 1, std::size_t{0}}) {
      std::string line = fmt::format("p = {:.0f}:", result.sweep.columns()[0].numbers()[row]);
      for (std::size_t t = 0; t < r->targets.size(); ++t)
        line += fmt::format("  {} {:.5f}", result.sweep.columns()[t + 1].name,
                            result.sweep.columns()[t + 1].numbers()[row]);
      notes.push_back(line);
    }
    for (double crossing : result.crossings)
      notes.push_back(fmt::format("{} and {} are equally likely at p = {:.4f}", result.sweep.columns()[1].name,
                                  result.sweep.columns()[2].name, crossing));
    print(*common, result.sweep, notes);
    save_figure(*common, [&] { return figure_mix(result.sweep, result.crossings, result.replaced, result.mixed_in); });
  });
}

}  // namespace embscope::cli
