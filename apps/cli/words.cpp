// judgements, categories, odd: whether vectors agree with human judgement.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"
#include "embscope/vocabulary/words.h"

namespace embscope::cli {
namespace {

void note_unknown(const std::vector<std::string>& unknown, std::vector<std::string>& notes) {
  if (unknown.empty()) return;
  const std::size_t shown = std::min<std::size_t>(12, unknown.size());
  notes.push_back(fmt::format("{} words are not single rows: {}{}", unknown.size(),
                              fmt::join(unknown.begin(), unknown.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                              shown < unknown.size() ? ", ..." : ""));
}

void add_judgements(CLI::App& app) {
  const auto [command, common] = add_command(app, "judgements", "Compare cosines with human judgements of similarity",
                                             "judgements wordsim353.csv --save judgements.html");
  auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "A file: WordSim-353, SimLex-999, or lines of two words and a score")->required();
  command->callback([common, file] {
    const auto judgements = read_judgements(*file);
    const Judged found = judge(common->space(), judgements);
    std::vector<std::string> notes = {
        fmt::format("Spearman {:.4f}, Pearson {:.4f}, over {} of {} pairs (those whose words are single rows)",
                    found.spearman, found.pearson, found.known, found.asked)};
    note_unknown(found.unknown, notes);
    print(*common, found.pairs, notes);
    save_figure(*common, [&] { return figure_judgements(found.pairs, found.spearman); });
  });
}

void add_categories(CLI::App& app) {
  const auto [command, common] = add_command(
      app, "categories",
      "Whether words of one category are near each other, such as fruit, and apart from others, such as vehicles",
      "categories --save categories.html");
  auto file = std::make_shared<std::string>();
  auto centred = std::make_shared<bool>(false), words = std::make_shared<bool>(false);
  command->add_option("--file", *file, "A file of categories: a line ': name', then words (default: the built-in set)");
  command->add_flag("--centred", *centred, "Remove the mean of all vectors first");
  command->add_flag("--words", *words, "Print every word");
  command->callback([common, file, centred, words] {
    const auto categories = file->empty() ? shipped_categories() : read_categories(*file);
    const Separation found = separate(common->space(), categories, *centred);
    std::vector<std::string> notes = {
        "silhouette: 1 separate, 0 mixed, below 0 nearer to another category (Rousseeuw 1987)"};
    note_unknown(found.unknown, notes);
    print(*common, *words ? found.words : found.categories, notes);
    save_figure(*common, [&] { return figure_categories(found.between); });
  });
}

void add_odd(CLI::App& app) {
  const auto [command, common] =
      without_figure(add_command(app, "odd", "The word that does not belong", "odd apple pear car peach"));
  auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("WORDS", *words, "At least three words")->required();
  command->callback([common, words] {
    const Table table = odd_one_out(common->space(), *words);
    print(*common, table, {fmt::format("the odd one is {}", table.column("word").texts()[0])});
  });
}

}  // namespace

void add_words(CLI::App& app) {
  add_judgements(app);
  add_categories(app);
  add_odd(app);
}

}  // namespace embscope::cli
