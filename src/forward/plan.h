// Plan: captures, edits and hooks compiled before the run into a dense [block][point] table. A site nobody asked for
// costs one null test. What could not fire is refused here.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "embscope/forward/transformer.h"
#include "forward/site_shape.h"
#include "forward/slots.h"

namespace embscope {

struct Listener {
  bool edited = false;  ///< which edits, and where, the stage says
  std::vector<const Hooks::Write*> writers;
  std::vector<const Hooks::Read*> readers;
  std::vector<std::size_t> captures;  ///< indices into Request::capture
  bool hooked() const { return !writers.empty() || !readers.empty(); }
};

class Plan {
 public:
  /// `first` is the position of the rows' first token (what a cache holds already). Throws as Transformer::run says.
  Plan(const Config& config, const Request& request, std::int64_t first);

  const Listener* at(Point point, int block) const { return table_[index(point, block)].get(); }
  bool listens(Point point) const;  ///< outside the blocks, or in any of them
  const Stage& stage(int number) const { return stages_[static_cast<std::size_t>(number)]; }
  /// Whether nothing after this point is watched: the pass may end there.
  bool ends_at(const Site& site) const { return deepest_ <= depth(site); }
  const Cost& cost() const { return cost_; }  ///< all but the rows of logits
  std::int64_t first() const { return first_; }

 private:
  std::size_t index(Point point, int block) const {
    return static_cast<std::size_t>((block < 0 ? blocks_ : block) * point_count + static_cast<int>(point));
  }
  Listener& listener(const Site& site);
  std::int64_t depth(const Site& site) const;  ///< grows in the order in which the pass reaches the sites
  void see(const Site& site) { deepest_ = std::max(deepest_, depth(site)); }
  void count_cost(const Config& config, const Request& request);

  std::int64_t blocks_, first_, deepest_ = -1;
  bool norms_after_rotation_;  ///< of queries and keys: then normed_q and normed_k follow rot_q and rot_k
  std::vector<std::unique_ptr<Listener>> table_;
  std::vector<Stage> stages_;
  Cost cost_;
};

}  // namespace embscope
