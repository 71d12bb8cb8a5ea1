#include "forward/cache_writer.h"

#include <algorithm>

#include "forward/plan.h"

namespace embscope {

std::int64_t reach(const Layer& layer) {
  return layer.window == 0 || layer.chunk == 0 ? std::max(layer.window, layer.chunk)
                                               : std::min(layer.window, layer.chunk);
}

double Cache::bytes() const {
  std::size_t values = 0;
  for (const auto* of_blocks : {&keys_, &values_})
    for (const auto& rows : *of_blocks) values += rows.size();
  return sizeof(float) * static_cast<double>(values);
}

CacheWriter::CacheWriter(const Config& config, Cache* cache) : config_(config), cache_(cache) {
  if (cache == nullptr) return;
  cache->keys_.resize(static_cast<std::size_t>(config.blocks));
  cache->values_.resize(static_cast<std::size_t>(config.blocks));
}

const float* CacheWriter::row(const std::vector<Rows>& of_blocks, int l, std::int64_t position,
                              std::int64_t Layer::*width) const {
  const Layer& layer = config_.layers[static_cast<std::size_t>(l)];
  const std::int64_t kept = reach(layer), place = kept == 0 ? position : position % kept;
  return of_blocks[static_cast<std::size_t>(l)].data() + place * layer.kv_heads * (layer.*width);
}

void CacheWriter::append(int l, const Tensor& keys, const Tensor& values) {
  if (cache_ == nullptr) return;
  const auto block = static_cast<std::size_t>(l);
  const std::int64_t kept = reach(config_.layers[block]);
  Rows next_keys, next_values;
  append(cache_->keys_[block], next_keys, kept, keys), append(cache_->values_[block], next_values, kept, values);
  if (!next_keys.empty()) next_[l] = {std::move(next_keys), std::move(next_values)};
}

// A row whose place is taken is out of the reach of a single position that takes it; of several, the first ones still
// read what the last ones replace.
void CacheWriter::append(Rows& kept, Rows& next, std::int64_t reach, const Tensor& fresh) const {
  const std::int64_t first = cache_->positions_, end = first + fresh.rows(), width = fresh.columns();
  auto at = [&](std::int64_t position) { return position % reach * width; };
  if (reach == 0 || end <= reach) {
    kept.resize(static_cast<std::size_t>(first * width));  // drops what a failed pass left
    const auto needed = static_cast<std::size_t>(end * width);
    if (reach > 0 && kept.capacity() < needed)
      kept.reserve(std::min(static_cast<std::size_t>(reach * width), std::max(needed, 2 * kept.size())));
    kept.insert(kept.end(), fresh.values().begin(), fresh.values().end());
  } else if (fresh.rows() == 1) {
    std::ranges::copy(fresh.row(0), kept.begin() + at(first));
  } else {
    next.resize(static_cast<std::size_t>(reach * width));
    for (std::int64_t p = end - reach; p < end; ++p)
      std::copy_n(p < first ? kept.data() + at(p) : fresh.row(p - first).data(), width, next.data() + at(p));
  }
}

Cache CacheWriter::beginning(const Config& config, const Cache& cache, std::int64_t positions) {
  const auto whole = [&](const Layer& layer) { return reach(layer) == 0 || cache.positions_ <= reach(layer); };
  if (positions == cache.positions_) return cache;
  Cache some;
  if (positions > cache.positions_ || !std::ranges::all_of(config.layers, whole)) return some;
  const auto copy = [&](const std::vector<Rows>& from, std::vector<Rows>& to) {
    for (const Rows& rows : from)
      to.emplace_back(rows.begin(), rows.begin() + std::ssize(rows) / cache.positions_ * positions);
  };
  copy(cache.keys_, some.keys_), copy(cache.values_, some.values_);
  some.positions_ = positions;
  return some;
}

void CacheWriter::commit(std::int64_t count) {
  if (cache_ == nullptr) return;
  for (auto& [l, rows] : next_) {
    cache_->keys_[static_cast<std::size_t>(l)] = std::move(rows.first);
    cache_->values_[static_cast<std::size_t>(l)] = std::move(rows.second);
  }
  next_.clear();
  cache_->positions_ += count;
}

}  // namespace embscope
