#include "embscope/runs/lens.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/threads.h"
#include "embscope/runs/predict.h"
#include "forward/request.h"
#include "runs/site_vectors.h"
#include "runs/watch.h"

namespace embscope {
namespace {

constexpr std::int64_t positions_at_once = 32;  // their logits are 6 MB for a vocabulary of 49,152

struct Cell {
  std::vector<TokenId> top;
  std::vector<double> probability;  // of each of `top`
  double target_rank = 0, target_probability = 0, target_logit = 0;
};

Cell cell_of(std::span<const float> logits, TokenId target, int tokens) {
  const auto p = softmax(logits);
  const auto at = static_cast<std::size_t>(target);
  Cell cell;
  cell.top = top(logits, tokens);
  for (TokenId id : cell.top) cell.probability.push_back(p[static_cast<std::size_t>(id)]);
  cell.target_rank = static_cast<double>(rank_of(logits, target));
  cell.target_probability = p[at];
  cell.target_logit = static_cast<double>(logits[at]);
  return cell;
}

void check(const Config& config, const LensRequest& r, std::int64_t last) {
  const auto count = static_cast<std::int64_t>(r.ids.size());
  if (r.top < 1 || r.top > 1000)
    throw Error(Code::range, "lens", fmt::format("{} tokens per cell: choose 1 to 1000", r.top));
  if (r.target) token_in(config, *r.target, "lens");
  if (count == 0) throw Error(Code::usage, "lens", "the text is empty");
  if (r.first < 0 || last > count || r.first >= last)
    throw Error(Code::range, "lens", fmt::format("positions {}:{}: the text has 0:{}", r.first, last, count));
}

// The same bits as in the run: the result does not depend on the number of rows that are unembedded at once.
std::vector<Cell> read(const Transformer& transformer, const BySite& watched, TokenId target, int tokens,
                       const Progress& progress) {
  const std::vector<Site> sites = layer_sites(transformer.config());
  const std::int64_t positions = watched.at(sites[0]).rows();
  std::vector<Cell> cells(sites.size() * static_cast<std::size_t>(positions));
  for (std::size_t b = 0; b < sites.size(); ++b) {
    const Tensor& residual = watched.at(sites[b]);
    for (std::int64_t first = 0; first < positions; first += positions_at_once) {
      const std::int64_t done = static_cast<std::int64_t>(b) * positions + first;
      report(progress, static_cast<double>(done) / static_cast<double>(cells.size()), "logit lens");
      const std::int64_t count = std::min(positions_at_once, positions - first), width = residual.columns();
      const Tensor logits = transformer.unembed(
          Tensor::of({count, width}, {residual.data() + first * width, static_cast<std::size_t>(count * width)}));
      parallel_for(count, 1, [&](std::int64_t i, std::int64_t) {
        cells[static_cast<std::size_t>(done + i)] = cell_of(logits.row(i), target, tokens);
      });
    }
  }
  report(progress, 1, "logit lens");
  return cells;
}

// Cells lie block by block; before the first block: -1.
std::int64_t after_block(std::size_t cell, std::int64_t positions) {
  return static_cast<std::int64_t>(cell) / positions - 1;
}

Table cells_table(const Model& model, const LensRequest& r, const std::vector<Cell>& cells, std::int64_t positions) {
  std::vector<double> block, position, probability, rank, target_probability, target_logit;
  std::vector<std::string> token, tops;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::int64_t at = r.first + static_cast<std::int64_t>(i) % positions;
    block.push_back(static_cast<double>(after_block(i, positions)));
    position.push_back(static_cast<double>(at));
    token.push_back(model.label(r.ids[static_cast<std::size_t>(at)]));
    tops.push_back(model.label(cells[i].top[0]));
    probability.push_back(cells[i].probability[0]);
    rank.push_back(cells[i].target_rank);
    target_probability.push_back(cells[i].target_probability);
    target_logit.push_back(cells[i].target_logit);
  }
  Table table("logit lens");
  table.add("block", block, whole).add("position", position, whole).add("token", token).add("top", tops);
  table.add("probability", probability, 5).add("target_rank", rank, whole);
  return std::move(table.add("target_probability", target_probability, 5).add("target_logit", target_logit, 4));
}

Table tops_table(const Model& model, const LensRequest& r, const std::vector<Cell>& cells, std::int64_t positions) {
  std::vector<double> block, position, rank, id, probability;
  std::vector<std::string> token;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    for (std::size_t k = 0; k < cells[i].top.size(); ++k) {
      block.push_back(static_cast<double>(after_block(i, positions)));
      position.push_back(static_cast<double>(r.first + static_cast<std::int64_t>(i) % positions));
      rank.push_back(static_cast<double>(k + 1));
      token.push_back(model.label(cells[i].top[k]));
      id.push_back(cells[i].top[k]);
      probability.push_back(cells[i].probability[k]);
    }
  }
  Table table("the most likely next tokens after each block");
  table.add("block", block, whole)
      .add("position", position, whole)
      .add("rank", rank, whole)
      .add("token", token)
      .add("id", id, whole);
  return std::move(table.add("probability", probability, 5));
}

}  // namespace

LensResult lens(const Transformer& transformer, const LensRequest& r, const Progress& progress) {
  const std::int64_t last = r.last.value_or(static_cast<std::int64_t>(r.ids.size()));
  check(transformer.config(), r, last);
  const Watched watched =
      watch(transformer, r.ids, layer_sites(transformer.config()), r.first, last, progress, r.edits);
  LensResult result;
  result.target = r.target.value_or(top(watched.logits.values(), 1)[0]);
  const auto cells = read(transformer, watched.values, result.target, r.top, progress);
  result.cells = cells_table(transformer.model(), r, cells, last - r.first);
  result.tops = tops_table(transformer.model(), r, cells, last - r.first);
  return result;
}

}  // namespace embscope
