// The sweep at every block: up to which block a word's vector decides the answer.
#include <cmath>

#include <fmt/format.h>

#include "embscope/runs/mix.h"

#include "runs/targets.h"

namespace embscope {
namespace {

using Columns = std::vector<std::vector<double>>;

// Appends one block's sweep to those of the blocks before it.
void append(const Table& sweep, std::size_t targets, int block, Columns& columns, std::vector<std::string>& top) {
  columns.resize(2 + targets);
  columns[0].insert(columns[0].end(), sweep.rows(), block);
  for (std::size_t c = 0; c <= targets; ++c) {
    const auto& values = sweep.columns()[c].numbers();
    columns[1 + c].insert(columns[1 + c].end(), values.begin(), values.end());
  }
  const auto& names = sweep.column("top").texts();
  top.insert(top.end(), names.begin(), names.end());
}

}  // namespace

LayeredMix mix_every_block(const Transformer& transformer, const MixRequest& request) {
  LayeredMix result;
  Columns columns;
  std::vector<std::string> top, names;
  std::vector<double> blocks, crossings;
  MixRequest at_block = request;
  for (int l = 0; l < static_cast<int>(transformer.config().blocks); ++l) {
    at_block.site = Site{Point::resid_pre, l}.name();
    const MixResult mixed = mix(transformer, at_block);
    append(mixed.sweep, request.targets.size(), l, columns, top);
    for (std::size_t t = 0; l == 0 && t < request.targets.size(); ++t)
      names.push_back(mixed.sweep.columns()[1 + t].name);
    result.replaced = mixed.replaced, result.mixed_in = mixed.mixed_in;
    blocks.push_back(l);
    crossings.push_back(mixed.crossings.empty() ? NAN : mixed.crossings[0]);
    result.cost += mixed.cost;
  }
  const std::string title = fmt::format("p x {} + (1 - p) x {} at every block", result.replaced, result.mixed_in);
  result.cells = Table(title);
  result.cells.add("block", columns[0], whole).add("p", columns[1], 4);
  for (std::size_t t = 0; t < request.targets.size(); ++t)
    result.cells.add(target_column(names[t], {"block", "p", "top"}), columns[2 + t], 5);
  result.cells.add("top", top);
  result.crossings = Table(title);
  result.crossings.add("block", blocks, whole).add("p", crossings, 4);
  return result;
}

}  // namespace embscope
