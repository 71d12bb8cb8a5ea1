#include "embscope/runs/attention_patterns.h"

#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace embscope {
namespace {

struct HeadSummary {
  int block, head;
  double entropy, first, previous, itself;
};

double entropy(const float* p, std::int64_t keys) {
  double bits = 0;
  for (std::int64_t s = 0; s < keys; ++s) {
    if (p[s] > 0) bits -= static_cast<double>(p[s]) * std::log2(static_cast<double>(p[s]));
  }
  return bits;
}

// pattern [T, T]
HeadSummary summarise(int block, int head, const float* pattern, std::int64_t length) {
  HeadSummary sum{block, head, 0, 0, 0, 0};
  for (std::int64_t t = 1; t < length; ++t) {
    const float* p = pattern + t * length;
    sum.entropy += entropy(p, t + 1);
    sum.first += static_cast<double>(p[0]);
    sum.previous += static_cast<double>(p[t - 1]);
    sum.itself += static_cast<double>(p[t]);
  }
  const auto queries = static_cast<double>(length - 1);  // none: 0 / 0 says that there is no figure
  return {block, head, sum.entropy / queries, sum.first / queries, sum.previous / queries, sum.itself / queries};
}

Table table_of(std::span<const HeadSummary> heads, std::string title) {
  std::vector<double> block, head, bits, first, previous, itself;
  for (const HeadSummary& h : heads) {
    block.push_back(h.block), head.push_back(h.head), bits.push_back(h.entropy);
    first.push_back(h.first), previous.push_back(h.previous), itself.push_back(h.itself);
  }
  Table table(std::move(title));
  table.add("block", block, whole).add("head", head, whole).add("entropy", bits, 3).add("first", first, 3);
  return std::move(table.add("previous", previous, 3).add("itself", itself, 3));
}

std::vector<int> wanted_heads(const Config& config, const AttentionRequest& r) {
  const auto heads = static_cast<int>(config.heads), blocks = static_cast<int>(config.blocks);
  if (r.block && (*r.block < 0 || *r.block >= blocks))
    throw Error(Code::range, "attention", fmt::format("block {}: the model has blocks 0..{}", *r.block, blocks - 1));
  for (int head : r.heads) {
    if (head < 0 || head >= heads)
      throw Error(Code::range, "attention", fmt::format("head {}: a block has heads 0..{}", head, heads - 1));
  }
  if (!r.heads.empty()) return r.heads;
  std::vector<int> all(static_cast<std::size_t>(heads));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// Receives the patterns of a pass, one block after the other, and keeps those of the block that attends least to the
// first token.
class Watcher {
 public:
  explicit Watcher(std::vector<int> heads) { result_.heads = std::move(heads); }

  void see(const SiteValues& seen) {
    const SiteValues::Row& row = seen.rows[0];
    const std::int64_t length = row.shape[1], map = length * row.shape[2];
    double first = 0;
    std::vector<HeadSummary> block;
    for (int head : result_.heads) {
      block.push_back(summarise(seen.site.block, head, row.values + head * map, length));
      first += block.back().first;
    }
    every_.insert(every_.end(), block.begin(), block.end());
    if (!kept_.empty() && !(first < least_)) return;
    least_ = first;
    kept_ = std::move(block);
    keep(row.values, length);
    result_.block = seen.site.block;
  }

  AttentionResult result() && {
    result_.summary = table_of(kept_, "attention of the heads");
    result_.every = table_of(every_, "attention of the heads");
    return std::move(result_);
  }

 private:
  void keep(const float* patterns, std::int64_t length) {
    const Shape shape{static_cast<std::int64_t>(result_.heads.size()), length, length};
    if (result_.patterns.empty()) result_.patterns = Tensor::uninitialised(shape);
    const std::int64_t map = length * length;
    for (std::size_t h = 0; h < result_.heads.size(); ++h)
      std::copy_n(patterns + result_.heads[h] * map, map, result_.patterns.data() + static_cast<std::int64_t>(h) * map);
  }

  AttentionResult result_;
  std::vector<HeadSummary> kept_, every_;
  double least_ = 0;
};

}  // namespace

AttentionResult attention_patterns(const Transformer& transformer, const AttentionRequest& r,
                                   const Progress& progress) {
  Watcher watcher(wanted_heads(transformer.config(), r));
  Hooks hooks;
  for (int b = 0; b < static_cast<int>(transformer.config().blocks); ++b) {
    if (!r.block || *r.block == b)
      hooks.read({Point::pattern, b}, [&watcher](const SiteValues& seen) { watcher.see(seen); });
  }
  Request request;
  request.rows = {r.ids};
  request.logits = LogitsAt::none;
  request.hooks = &hooks;
  request.progress = progress;
  transformer.run(request);
  return std::move(watcher).result();
}

}  // namespace embscope
