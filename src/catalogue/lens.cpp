#include "embscope/runs/lens.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "catalogue/describe.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  GivenText text;
  std::optional<Word> target;
  int top = 1;
  std::string positions;
  std::optional<std::int64_t> first, last;
  Edits edits;
};

constexpr Part parts[] = {
    {"target", Kind::token, "The target token"},
    {"first", Kind::integer, "The first position of the table"},
    {"cells", Kind::table,
     "One row per block and position: columns block (-1: the embedding), position, token, top, probability, "
     "target_rank, "
     "target_probability, target_logit"},
    {"tops", Kind::table, "The most likely tokens of each cell: columns block, position, rank, token, id, probability"},
    {"figure", Kind::figure, "Blocks by positions, the most likely token in each cell"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.text, {.name = "text", .what = "The text", .option = "TEXT", .required = true});
  f(r.target,
    {.name = "target",
     .what = "A next token whose rank and probability are listed (default: the predicted token at the last position)"});
  f(r.top, {.name = "top", .what = "Number of most likely tokens to list for every cell", .least = 1, .most = 1000});
  f(r.positions, {.name = "positions",
                  .what = "Positions FIRST:LAST; negative numbers count from the end (default: all, on the command "
                          "line the last 16; a figure draws at most the last 32)"});
  f(r.first, {.name = "first", .what = "Instead of `positions`: the first position", .option = "-", .least = 0});
  f(r.last, {.name = "last", .what = "Instead of `positions`: the position after the last", .option = "-", .least = 0});
  f(r.edits, {.name = "edits", .what = "Edits of the run, applied in order"});
}

// For the terminal: a row for each block, a column for each position.
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

// The block from which on the target stays the most likely token at the last position of the table.
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

// The positions of the table: the requested ones, or else as many as the client shows by default.
std::pair<std::int64_t, std::int64_t> window(const Subject& on, const Parameters& r, std::int64_t count) {
  if (!r.positions.empty() && (r.first || r.last))
    throw Error(Code::usage, "positions", "give either positions, or first and last");
  if (!r.positions.empty()) return range_of(r.positions, count, "positions", "the text");
  const std::int64_t last = r.last.value_or(count);
  return {r.first.value_or(std::max<std::int64_t>(0, last - on.usual_positions())), last};
}

double bytes(const Subject& on, const Parameters& r) {
  constexpr double bytes_of_a_line = 512;
  const auto [first, last] = window(on, r, prompt_of(on, r.text).length());
  return bytes_of_a_line * static_cast<double>(on.model().config().blocks + 1) *
         (static_cast<double>(last) - static_cast<double>(first)) * r.top;
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const Prompt prompt = prompt_of(on, r.text);
  LensRequest request{
      .ids = prompt.tokens.ids, .edits = edits_of(on, r.edits, prompt), .target = token_of(on, r.target), .top = r.top};
  std::tie(request.first, request.last) = window(on, r, prompt.length());
  LensResult result = lens(on.transformer(), request, progress);
  const std::string label = on.model().label(result.target);
  AnalysisResult found;
  found.notes = {settled(result.cells, label)};
  const bool all = r.positions.empty() && !r.first && !r.last;
  if (request.first > 0 && all)
    found.notes.push_back(fmt::format("the last {} of {} positions: --positions 0: for all",
                                      prompt.length() - request.first, prompt.length()));
  if (r.top == 1)
    found.people = [cells = result.cells, label, ranks = r.target.has_value()] {
      return std::vector<Table>{grid(cells, label, ranks)};
    };
  found.first = r.top > 1 ? 1 : 0;
  found.add("target", AnalysisResult::Token{result.target})
      .add("first", request.first)
      .add("cells", std::move(result.cells))
      .add("tops", std::move(result.tops))
      .add("figure", [target = r.target ? label : std::string()](const AnalysisResult& f) {
        return figure_lens(f.table("cells"), target);
      });
  return found;
}

}  // namespace

const Analysis& lens_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "lens",
       .what = "What the model would predict after each block",
       .group = Group::text,
       .example = "lens \"The capital of Germany is\" --target \" Paris\" --save lens.html",
       .more = "The logit lens (nostalgebraist 2020) at every block and position. The norm is recomputed for every "
               "vector; the rows of the last block are the logits of the run, bit for bit."},
      parts, fields, run, bytes);
  return made;
}

}  // namespace embscope::catalogue
