#include "forward/working_memory.h"

#include <algorithm>

#include "base/memory.h"
#include "forward/pass.h"
#include "forward/weights.h"
#include "model/block.h"

namespace embscope {
namespace {

std::int64_t slots_at(const Plan& plan, int block, Step step) {
  return plan.stage(stage_of(block, step)).slots->size();
}

/// Keys and values that later blocks read again.
double read_later(const Config& c, std::int64_t rows) {
  double values = 0;
  for (int l = 0; l < static_cast<int>(c.blocks); ++l) {
    const Layer& layer = c.layers[static_cast<std::size_t>(l)];
    if (read_by_others(c, l))
      values += static_cast<double>(rows * layer.kv_heads * (layer.head_width + layer.value_width));
  }
  return values;
}

/// Values that the pass holds in a block: the residual stream; what the norm gave, later z; queries, later what a
/// branch gives; keys and values; the inside of the MLP.
double block_values(const Config& c, const Plan& plan, int l) {
  const Layer& layer = c.layers[static_cast<std::size_t>(l)];
  const std::int64_t read = slots_at(plan, l, Step::read), after = slots_at(plan, l, Step::after),
                     rows = std::max(read, after), q = c.heads * layer.head_width, z = c.heads * layer.value_width,
                     kv = layer.kv_heads * (layer.head_width + layer.value_width);
  const bool seen = plan.at(Point::mlp_pre, l) || plan.at(Point::mlp_up, l) || plan.at(Point::mlp_post, l);
  const Experts& e = c.experts;
  const std::int64_t of_experts = layer.experts ? after * (e.chosen * c.width + e.count + 2 * e.chosen * e.width) : 0;
  const std::int64_t of_mlp =
      has_mlp(c, layer) ? (seen ? after : std::min(after, mlp_rows_at_once)) * layer.mlp_width * (c.gated_mlp ? 2 : 1)
                        : 0;
  const std::int64_t beside = e.beside ? 3 * after * c.width : 0,
                     per_layer = c.per_layer.width > 0 ? after * (c.width + 3 * c.per_layer.width) : 0;
  const std::int64_t stream = rows * (c.width + std::max(c.width, z) + std::max(c.width, q)) +
                              (c.parallel || c.one_norm ? 2 * rows * c.width : 0);
  const std::int64_t inside = std::max(of_experts, of_mlp) + beside + per_layer;
  return static_cast<double>(stream + read * kv + inside) + read_later(c, rows);
}

/// Keys and values of long rows are rearranged once, for all queries; maps are made where somebody looks at them.
double attention_values(const Config& c, const Plan& plan, const Request& request, int l) {
  constexpr std::size_t long_row = 256;
  const Layer& layer = c.layers[static_cast<std::size_t>(l)];
  const bool maps = plan.at(Point::scores, l) || plan.at(Point::pattern, l);
  double values = 0;
  for (const auto& row : request.rows) {
    const auto tokens = static_cast<double>(row.size());
    if (row.size() > long_row)
      values += tokens * static_cast<double>(layer.kv_heads * (layer.head_width + layer.value_width));
    if (maps) values += static_cast<double>(c.heads) * tokens * (tokens + static_cast<double>(plan.first()));
  }
  return values;
}

}  // namespace

double run_bytes(const Transformer& transformer, const Request& request) {
  const Config& config = transformer.config();
  const Plan plan(config, request, request.cache == nullptr ? 0 : request.cache->positions());
  double most = 0;
  for (int l = 0; l < static_cast<int>(config.blocks) && !plan.ends_at({Point::resid_pre, l}); ++l)
    most = std::max(most, block_values(config, plan, l) + attention_values(config, plan, request, l));
  return sizeof(float) * most + transformer.estimate(request, false).bytes;
}

bool larger_than_memory(const Model& model) { return stored_bytes(model) > memory_allowed() / 5 * 4; }

double row_bytes_allowed(const Model& model) { return 64e6 + 0.1 * static_cast<double>(stored_bytes(model)); }

namespace {

/// Rows [first, first + count) of a request, with the edits that are theirs.
Request rows_of(const Request& all, std::size_t first, std::size_t count) {
  Request some = all;
  some.rows = {all.rows.begin() + static_cast<std::ptrdiff_t>(first),
               all.rows.begin() + static_cast<std::ptrdiff_t>(first + count)};
  some.edits.clear();
  for (Edit edit : all.edits) {
    const bool of_every_row = edit.rows.empty();
    std::vector<int> rows;
    for (const int row : edit.rows) {
      const auto at = static_cast<std::size_t>(row);
      if (at >= first && at < first + count) rows.push_back(static_cast<int>(at - first));
    }
    edit.rows = std::move(rows);
    if (of_every_row || !edit.rows.empty()) some.edits.push_back(std::move(edit));
  }
  return some;
}

struct Batch {
  std::size_t first, count;
};

std::vector<Batch> batches_of(const Transformer& transformer, const Request& request, double allowed) {
  const std::size_t rows = request.rows.size();
  if (allowed == 0) allowed = row_bytes_allowed(transformer.model());
  if (rows < 2 || run_bytes(transformer, request) <= allowed) return {{0, rows}};
  std::vector<Batch> batches;
  for (Batch next{0, rows}; next.first < rows; next.first += next.count) {
    next.count = std::min(next.count, rows - next.first);
    while (next.count > 1 && run_bytes(transformer, rows_of(request, next.first, next.count)) > allowed)
      next.count = (next.count + 1) / 2;
    batches.push_back(next);
  }
  return batches;
}

}  // namespace

Result run_in_batches(const Transformer& transformer, const Request& request, double allowed) {
  const auto batches = batches_of(transformer, request, allowed);
  if (batches.size() == 1) return transformer.run(request);
  Result result;
  const auto rows = static_cast<double>(request.rows.size());
  for (const Batch& batch : batches) {
    Request some = rows_of(request, batch.first, batch.count);
    some.progress = part_of(request.progress, static_cast<double>(batch.first) / rows,
                            static_cast<double>(batch.first + batch.count) / rows);
    Result part = transformer.run(some);
    std::ranges::move(part.rows, std::back_inserter(result.rows));
    result.cost += part.cost;
  }
  return result;
}

}  // namespace embscope
