#include "embscope/lens.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "command.h"

namespace embscope::cli {
namespace {

constexpr std::int64_t usual_positions = 16;  // what fits a terminal and a figure

struct Options {
  std::string text, target, positions;
  int top = 1;
};

// For people: a row for each block, a column for each position.
Table grid(const Table& cells, const std::string& target, bool ranks) {
  const auto &block = cells.column("block").numbers(), &position = cells.column("position").numbers();
  const auto &token = cells.column("token").texts(), &top = cells.column("top").texts();
  const auto &p = cells.column("probability").numbers(), &rank = cells.column("target_rank").numbers();
  Table table(ranks ? fmt::format("likeliest next token, and #rank of {}", target)
                    : std::string("likeliest next token, and its probability"));
  const auto positions = static_cast<std::size_t>(std::count(block.begin(), block.end(), -1.0));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < cells.rows(); i += positions)
    names.push_back(block[i] < 0 ? "embedding" : fmt::format("{}", block[i]));
  table.add("block", names);
  for (std::size_t t = 0; t < positions; ++t) {
    std::vector<std::string> column;
    for (std::size_t i = t; i < cells.rows(); i += positions)
      column.push_back(ranks ? fmt::format("{} #{}", top[i], rank[i]) : fmt::format("{} {:.0f}%", top[i], 100 * p[i]));
    table.add(fmt::format("{} {}", position[t], token[t]), column);
  }
  return table;
}

// From which block on the target stays the likeliest at the last position looked at.
std::string settled(const Table& cells, const std::string& target) {
  const auto &block = cells.column("block").numbers(), &rank = cells.column("target_rank").numbers(),
             &position = cells.column("position").numbers();
  double from = block.back() + 1;
  for (std::size_t i = cells.rows(); i-- > 0;) {
    if (position[i] != position.back()) continue;
    if (rank[i] != 1) break;
    from = block[i];
  }
  const auto where = fmt::format("at position {}", position.back());
  if (from > block.back()) return fmt::format("{} is not the likeliest {} (rank {})", target, where, rank.back());
  return from < 0 ? fmt::format("{} is the likeliest {} from the embedding on", target, where)
                  : fmt::format("{} is the likeliest {} from block {} on", target, where, from);
}

LensRequest request_of(const Options& o, const Tokenizer& tokenizer) {
  LensRequest r;
  r.ids = tokenizer.with_bos(o.text).ids;
  r.top = o.top;
  const auto count = static_cast<std::int64_t>(r.ids.size());
  if (count == 0) throw Error(Code::usage, "lens", "the text is empty");
  if (o.positions.empty())
    r.first = std::max<std::int64_t>(0, count - usual_positions);
  else
    std::tie(r.first, r.last) = parse_range(o.positions, count, "positions", "the text");
  return r;
}

void run(const Common& common, const Options& o, bool targeted) {
  const Transformer& transformer = common.transformer();
  const Tokenizer& tokenizer = transformer.model().tokenizer();
  LensRequest r = request_of(o, tokenizer);
  if (targeted) {
    explain_words(transformer.model(), {o.target});
    r.target = token_named(transformer.model(), o.target).id;
  }
  const LensResult result = lens(transformer, r, progress_line());
  const std::string label = transformer.model().label(result.target);
  std::vector<std::string> notes = {settled(result.cells, label)};
  if (r.first > 0 && o.positions.empty())
    notes.push_back(fmt::format("the last {} of {} positions: --positions 0: for all", usual_positions, r.ids.size()));
  const bool people = !common.json && !common.csv;
  print(common, o.top > 1 ? result.tops : people ? grid(result.cells, label, targeted) : result.cells, notes);
  save_figure(common,
              [&] { return figure_lens(result.cells, targeted ? tokenizer.bytes(result.target) : std::string()); });
}

}  // namespace

void add_lens(CLI::App& app) {
  const auto [command, common] = add_model_command(app, "lens", "What the model would say after each block",
                                             "lens \"The capital of Germany is\" --target \" Paris\" --save lens.html");
  auto o = std::make_shared<Options>();
  command->add_option("TEXT", o->text, "The text")->required();
  auto* target = command->add_option(
      "--target", o->target, "A next token to follow by rank and probability (default: the one predicted last)");
  command->add_option("--top", o->top, "More than 1: print the likeliest so many tokens of every cell");
  command->add_option("--positions", o->positions,
                      "FIRST:LAST, negative from the end (default: the last 16; a figure draws at most the last 32)");
  command->callback([common, o, target] { run(*common, *o, target->count() > 0); });
}

}  // namespace embscope::cli
