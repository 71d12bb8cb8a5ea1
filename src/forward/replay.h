// Replay: what a run of one text held, a group of blocks at a time. The residual stream is kept where groups begin; the
// values of a group are computed again, with the same bits, when somebody asks for them. So a run may be asked for more
// than there is room for.
// Lifetime: borrows the Transformer. Thread rule: one thread at a time.
#pragma once

#include <algorithm>
#include <vector>

#include "embscope/forward/transformer.h"
#include "forward/by_site.h"
#include "forward/weights.h"

namespace embscope {

/// The first block whose keys and values later blocks read; the number of blocks if there is none.
int first_read_by_others(const Config& config);

/// Blocks whose values are held at once, counted from the last block down to the lowest that is asked for. Of every
/// `stride`th group, and of the lowest, the residual stream is kept; from there the groups above are computed again.
/// Blocks above `shared`, the first one whose keys and values others read, are run from it or from below.
struct Groups {
  int blocks = 0, lowest = 0, size = 1, stride = 1, shared = blocks;

  int count() const { return (blocks - lowest + size - 1) / size; }
  int of(int block) const { return (blocks - 1 - block) / size; }
  int end(int group) const { return blocks - group * size; }
  int begin(int group) const { return std::max(lowest, end(group) - size); }
  bool kept(int group) const {
    return group > 0 && begin(group) <= shared && (group % stride == 0 || group == count() - 1);
  }
};

class Replay {
 public:
  /// `sites`: all that will be asked for. `held`: the bytes that the values of a group may take, and so may the kept
  /// residual streams; one block and one stream are always held.
  Replay(const Transformer& transformer, std::vector<TokenId> text, std::vector<Site> sites, double held);

  /// The whole run, before anything is asked for: the logits of its last position, of these tokens (none: of all).
  Tensor run(std::vector<TokenId> tokens, const Progress& progress);

  const Groups& groups() const { return groups_; }
  /// Valid until a block of another group is asked for; outside the blocks (-1) always.
  const Tensor& at(const Site& site);
  const Tensor& at(Point point, int block) { return at({point, block}); }

 private:
  void compute(int group);
  bool belongs(const Site& site, int group) const;

  const Transformer& transformer_;
  PackedWeights weights_;
  Request request_;
  const std::vector<Site> sites_;
  const Groups groups_;
  BySite outside_, blocks_, residuals_;
};

}  // namespace embscope
