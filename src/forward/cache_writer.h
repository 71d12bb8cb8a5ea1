// CacheWriter: what one pass reads of a Cache and adds to it. Until `commit` the Cache serves as it did before: a pass
// that fails adds nothing.
#pragma once

#include <map>
#include <vector>

#include "embscope/forward/transformer.h"

namespace embscope {

/// How many positions the queries of a block reach back, their own among them; 0: to the first. Of so many a Cache
/// keeps the keys and values.
std::int64_t reach(const Layer& layer);

class CacheWriter {
 public:
  CacheWriter(const Config& config, Cache* cache);  ///< null: nothing is kept, nothing may be read

  /// Keys and values [count, KV*K] of block l, at the positions that follow the cached ones. A block that reads those
  /// of another has none.
  void append(int l, const Tensor& keys, const Tensor& values);
  /// Of a cached position that block l can still reach, once `append` was called for the block.
  const float* key(int l, std::int64_t position) const { return row(cache_->keys_, l, position, &Layer::head_width); }
  const float* value(int l, std::int64_t position) const {
    return row(cache_->values_, l, position, &Layer::value_width);
  }
  /// The first `positions` of a Cache, copied; empty where a window has let go of some that the next position would
  /// read, or where there are fewer.
  static Cache beginning(const Config& config, const Cache& cache, std::int64_t positions);
  void commit(std::int64_t count);  ///< positions that every block has appended

 private:
  using Rows = std::vector<float>;
  const float* row(const std::vector<Rows>& of_blocks, int l, std::int64_t position, std::int64_t Layer::*width) const;
  void append(Rows& kept, Rows& next, std::int64_t reach, const Tensor& fresh) const;

  const Config& config_;
  Cache* cache_;
  std::map<int, std::pair<Rows, Rows>> next_;  ///< of the blocks that drop what this pass still reads
};

}  // namespace embscope
