// Probe: what is done where the pass reaches a site: edits, then hooks, then captures.
#pragma once

#include <span>
#include <vector>

#include "embscope/forward/transformer.h"
#include "forward/plan.h"

namespace embscope {

class Probe {
 public:
  Probe(const Config& config, const Plan& plan, const Request& request, Result& result);

  const Slots& slots() const { return *slots_; }  ///< of the stage at work: N rows
  /// Goes on to the slots of a stage. Where rows have split, each tensor gets a row for every slot; null ones are
  /// skipped.
  void enter(int stage, std::span<Tensor* const> carried);

  /// Of values [N, total of the point's shape]. False if nothing further on is watched.
  bool at(const Site& site, Tensor& values);

  // Scores and pattern are maps [H, T, S], one for each row of the batch. They are kept when they have been read: the
  // maps are the result's from then on.
  bool at_maps(const Site& site, std::vector<Tensor>& maps);  ///< edits and hooks; false as `at`
  void keep_maps(const Site& site, std::vector<Tensor>& maps);
  bool keeps(const Site& site) const;

 private:
  template <class F>
  void for_edits(const Site& site, F&& body) const;  ///< body(edit, slot) for each edit at the site, in parallel
  void call_hooks(const Listener& listener, SiteValues& seen) const;
  void capture(std::size_t index, const SiteShape& shape, const Tensor& values);

  const Config& config_;
  const Plan& plan_;
  const Request& request_;
  Result& result_;
  const Slots* slots_;
};

/// The rows of x [N, D] with these numbers, in this order.
Tensor gather(const Tensor& x, const std::vector<int>& rows);

}  // namespace embscope
