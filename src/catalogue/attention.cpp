#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/runs/attention_patterns.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  GivenText text;
  std::optional<int> block;
  std::vector<int> heads;
};

constexpr Part parts[] = {
    {"block", Kind::integer, "The block"},
    {"heads", Kind::integers, "Its heads"},
    {"labels", Kind::names, "The text's tokens"},
    {"patterns", Kind::rows, "For each head a matrix: the attention of each query (row) to each key"},
    {"summary", Kind::table,
     "One row per head: columns block, head, entropy (bits), first, previous, itself (shares of attention, means over "
     "the queries after the first)"},
    {"every", Kind::table, "The same for all blocks that were watched", "--every", "--block"},
    {"figure", Kind::figure, "Queries by keys, one panel per head"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.text, {.name = "text", .what = "The text", .option = "TEXT", .required = true});
  f(r.block,
    {.name = "block", .what = "The block (default: the block whose heads attend least to the text's first token)"});
  f(r.heads, {.name = "heads", .what = "Heads, separated by commas (default: all)"});
}

double bytes(const Subject& on, const Parameters& r) {
  constexpr double bytes_of_a_weight = 4 + 14;  // as a float, and as text
  const double n = prompt_of(on, r.text).length();
  const auto all = static_cast<double>(on.model().config().heads);
  const double heads = r.heads.empty() ? all : static_cast<double>(r.heads.size());
  return n * n * (bytes_of_a_weight * heads + 4 * all);
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const Prompt prompt = prompt_of(on, r.text);
  AttentionResult result =
      attention_patterns(on.transformer(), {.ids = prompt.tokens.ids, .block = r.block, .heads = r.heads}, progress);
  std::vector<std::string> labels;
  labels.reserve(prompt.tokens.ids.size());
  for (const TokenId id : prompt.tokens.ids) labels.push_back(on.model().label(id));
  AnalysisResult found;
  found.notes = {"entropy in bits; shares of attention, means over the queries after the first"};
  if (!r.block)
    found.notes.push_back(fmt::format(
        "block {}: its heads look least at the first token; --block chooses another, --every lists all", result.block));
  found.add("block", std::int64_t{result.block})
      .add("heads", result.heads)
      .add("labels", labels)
      .add("patterns", std::move(result.patterns))
      .add("summary", std::move(result.summary))
      .add("every", std::move(result.every))
      .add("figure", [block = result.block](const AnalysisResult& f) {
        return figure_attention(f.get<Tensor>("patterns"), f.get<std::vector<int>>("heads"), block,
                                f.get<std::vector<std::string>>("labels"));
      });
  return found;
}

}  // namespace

const Analysis& attention_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "attention",
       .what = "The attention patterns of a block's heads",
       .group = Group::text,
       .example = "attention \"The capital of Germany is\" --block 11 --save attention.html"},
      parts, fields, run, bytes);
  return made;
}

}  // namespace embscope::catalogue
